// The order in which things expire, whatever becomes of their times.
import { describe, expect, it } from 'vitest'
import { createExpiry, type Expiring } from '../../../../src/stores/process/expiry.ts'
import { createChance } from '../../../support/seeded.ts'

type Named = Expiring & { readonly name: number }

describe('the order of expiry', () => {
  it.each([1, 2, 3, 4])('names what expires first, by chance of seed %i', seed => {
    const chance = createChance(seed)
    const expiry = createExpiry<Named>()
    const things = new Set<Named>()
    const some = (): Named | undefined => [...things][chance.below(Math.max(1, things.size))]
    for (let name = 0; name < 3_000; name += 1) {
      const what = chance.below(10)
      const thing = some()
      if (what < 4 || thing === undefined) {
        const added: Named = { name, expiresAtMs: chance.below(1_000), isGone: false }
        things.add(added)
        expiry.add(added)
      } else if (what < 6) {
        // Put off without a word.
        thing.expiresAtMs += chance.below(200)
      } else if (what < 7) {
        thing.expiresAtMs -= chance.below(200)
        expiry.add(thing)
      } else {
        thing.isGone = true
        things.delete(thing)
      }
      const earliest = Math.min(...[...things].map(({ expiresAtMs }) => expiresAtMs))
      expect(expiry.first()?.expiresAtMs ?? Number.POSITIVE_INFINITY).toBe(earliest)
    }
  })

  it('has nothing when it is new or cleared', () => {
    const expiry = createExpiry<Named>()
    expect(expiry.first()).toBeUndefined()
    expiry.add({ name: 1, expiresAtMs: 1, isGone: false })
    expiry.clear()
    expect(expiry.first()).toBeUndefined()
  })
})
