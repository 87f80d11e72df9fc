// Lists of models while the configuration changes: they stay with the address, and other settings only make them old.
import { describe, expect, it } from 'vitest'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createListingHoldings, createListings, type ListingSource } from '../../../src/providers/listings.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'

function rig() {
  const clock = createHandClock()
  const holdings = createListingHoldings()
  const asked: string[] = []
  const source = (over: Partial<ListingSource> & { tells?: string } = {}): ListingSource => {
    const { tells = 'm-1', address = 'here', settings = 'a' } = over
    const provider: Provider = {
      ...createScriptedProvider('acme', [[]]),
      async listModels() {
        asked.push(tells)
        return [assumedEntry('acme', tells)]
      },
    }
    return { provider, address, settings }
  }
  const listings = (...sources: readonly ListingSource[]) => createListings({ sources, holdings, clock })
  return { clock, holdings, asked, source, listings }
}

const signal = new AbortController().signal
const ids = (listings: ReturnType<ReturnType<typeof rig>['listings']>) =>
  listings.of('acme').map(entry => entry.id)

describe('the list of a provider that stays', () => {
  it('is there for the next configuration without asking again', async () => {
    const { asked, holdings, source, listings } = rig()
    const before = listings(source())
    await before.begun('acme', signal)
    const after = listings(source())
    before.close()
    expect([ids(after), after.find('acme', 'M-1')?.id]).toEqual([['m-1'], 'm-1'])
    await after.begun('', signal)
    expect(asked).toEqual(['m-1'])
    after.close()
    expect(holdings.size()).toBe(0)
  })

  it('stays, and is asked for again by whoever stands for the provider now, when its settings are others', async () => {
    const { asked, source, listings } = rig()
    const before = listings(source())
    await before.begun('acme', signal)
    const after = listings(source({ tells: 'm-2', settings: 'b' }))
    before.close()
    expect(asked).toEqual(['m-1'])
    expect(ids(after)).toEqual(['m-1'])
    await expect.poll(() => ids(after)).toEqual(['m-2'])
    expect(asked).toEqual(['m-1', 'm-2'])
  })

  it('is old after ten minutes, as without a change', async () => {
    const { clock, asked, source, listings } = rig()
    const before = listings(source())
    await before.begun('acme', signal)
    clock.pass(599_999)
    const after = listings(source({ tells: 'm-2' }))
    before.close()
    expect([ids(after), asked]).toEqual([['m-1'], ['m-1']])
    clock.pass(1)
    await expect.poll(() => ids(after)).toEqual(['m-2'])
  })
})

describe('the list of a provider that has moved', () => {
  it('begins afresh, and what began before keeps the old one', async () => {
    const { asked, source, listings } = rig()
    const before = listings(source())
    await before.begun('acme', signal)
    const after = listings(source({ tells: 'm-2', address: 'there' }))
    expect(ids(after)).toEqual([])
    await after.begun('acme', signal)
    before.close()
    expect([ids(before), ids(after), asked]).toEqual([['m-1'], ['m-2'], ['m-1', 'm-2']])
  })
})
