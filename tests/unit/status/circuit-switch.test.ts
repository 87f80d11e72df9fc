// The operator's switch: who may, which circuits are meant, and what the log says of it.
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { Log } from '../../../src/core/log.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createCircuits } from '../../../src/routing/circuit.ts'
import { createCircuitSwitch, type SwitchWish } from '../../../src/status/circuit-switch.ts'
import { createTestCall } from '../../support/test-call.ts'

const provider = (id: string): Provider => ({
  id,
  unusableReason: '',
  models: [],
  open: () => {
    throw new Error('nobody is asked here')
  },
  close: () => Promise.resolve(),
})

function catalogueOf(): Catalogue {
  const entry = (id: string, aliases: readonly string[] = []) => ({ ...assumedEntry('double', id), aliases })
  return createCatalogue({
    models: {
      asOf: '2026-11-22',
      problems: [],
      models: [entry('big', ['b']), entry('small'), assumedEntry('gone', 'old')],
    },
    now: () => 0,
    openEnded: ['open'],
  })
}

function setUp(scopes: readonly 'admin'[] = ['admin']) {
  const circuits = createCircuits({ clock: systemClock, onChange: () => undefined })
  onTestFinished(circuits.close)
  const lines: unknown[][] = []
  const log: Log = {
    debug: () => undefined,
    info: (...line) => void lines.push(line),
    warn: () => undefined,
    error: () => undefined,
  }
  const catalogue = catalogueOf()
  const change = createCircuitSwitch({
    circuits,
    routing: () => ({ catalogue, providers: [provider('double'), provider('open')] }),
    log,
  })
  const { call } = createTestCall()
  const caller = { ...call.caller, scopes }
  const wish: SwitchWish = { provider: 'double', model: '', action: 'open', reason: 'maintenance' }
  return {
    circuits,
    lines,
    change: (own: Partial<SwitchWish> = {}) => change({ ...call, caller }, { ...wish, ...own }),
  }
}

describe('the switch', () => {
  test('opens one model, or every known one of a provider', () => {
    const { change } = setUp()
    expect(change({ model: 'small' })).toMatchObject([{ model: 'small', state: 'open', held: true }])
    expect(change().map(({ model, state }) => `${model} ${state}`)).toEqual(['big open', 'small open'])
  })

  test('closes and resets only what exists', () => {
    const { change } = setUp()
    change({ model: 'small' })
    expect(change({ action: 'close' }).map(({ model, state }) => `${model} ${state}`)).toEqual([
      'small half_open',
    ])
    expect(change({ action: 'reset' }).map(({ model, state }) => `${model} ${state}`)).toEqual([
      'small closed',
    ])
  })

  test('takes any model of a provider that has any', () => {
    const { change } = setUp()
    expect(change({ provider: 'open', model: 'some/model' })).toMatchObject([{ model: 'some/model' }])
  })

  test('reaches the circuits of a provider that is no longer configured', () => {
    const { change, circuits } = setUp()
    circuits.set('gone', 'old', 'open', { reason: '' })
    expect(change({ provider: 'gone', action: 'reset' })).toMatchObject([{ model: 'old', state: 'closed' }])
  })

  test('refuses a provider that is not there', () => {
    const { change } = setUp()
    expect(() => change({ provider: 'gone' })).toThrow(
      expect.objectContaining({
        reason: 'INVALID_REQUEST',
        message: 'no provider has the id "gone"; configured: double, open',
      }),
    )
  })

  test.each(['nothing', 'b', 'BIG'])('refuses the model %s, which is no exact id', model => {
    const { change, lines } = setUp()
    expect(() => change({ model })).toThrow(expect.objectContaining({ reason: 'MODEL_NOT_FOUND' }))
    expect(lines).toEqual([])
  })

  test('refuses a caller without the scope admin', () => {
    const { change, circuits } = setUp([])
    expect(() => change()).toThrow(expect.objectContaining({ reason: 'PERMISSION_DENIED' }))
    expect(circuits.states()).toEqual([])
  })

  test('writes a line that says who did what, to what and why', () => {
    const { change, lines } = setUp()
    change({ model: 'big', holdMs: 5_000 })
    expect(lines).toEqual([
      [
        'circuits switched',
        {
          request_id: 'test-request',
          tenant: 'default',
          subject: '',
          provider: 'double',
          model: 'big',
          action: 'open',
          reason: 'maintenance',
          hold_ms: 5_000,
          circuits: 1,
        },
      ],
    ])
  })
})
