// The built-in alerts: each begins with what it is about, ends with it, and is told once.
import { describe, expect, it } from 'vitest'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import { createAlerts } from '../../../src/status/alerts.ts'
import { type GatewayState, NO_BACKLOG, type Wellness } from '../../../src/status/state.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const stateOf = (own: Partial<GatewayState> = {}): GatewayState => ({
  status: 'healthy',
  components: [],
  providers: [],
  circuits: [],
  stores: [],
  backlog: NO_BACKLOG,
  configVersion: 1,
  isDraining: false,
  at: 0,
  ...own,
})
const part = (name: string, status: Wellness) => ({ name, status, reason: 'why', sinceMs: 0 })
const circuit = {
  provider: 'openai',
  model: 'm',
  state: 'open',
  sinceMs: 0,
  reason: '12 of 20 calls failed',
  failureRatio: 0,
  callCount: 0,
  held: false,
} as const

function setUp() {
  const clock = createHandClock()
  const events: GatewayEvent[] = []
  const alerts = createAlerts({ clock, onEvent: event => void events.push(event) })
  const told = () => events.splice(0).map(event => [event.type, 'name' in event ? event.name : ''])
  return { clock, alerts, events, told }
}

describe('an alert', () => {
  it.each<[string, Partial<GatewayState>]>([
    ['circuit_open', { circuits: [circuit] }],
    ['backlog_old', { backlog: { rows: 5, ageMs: 60_001, deadLetters: 0 } }],
    ['store_cannot_write', { components: [part('store', 'unhealthy')] }],
    ['config_refused', { components: [part('config', 'degraded')] }],
    ['certificate_expiring', { components: [part('certificate', 'degraded')] }],
  ])('%s begins and ends with its cause, and is told once', (name, cause) => {
    const { alerts, told } = setUp()
    alerts.update(stateOf())
    expect(told()).toEqual([])
    alerts.update(stateOf(cause))
    alerts.update(stateOf(cause))
    expect(told()).toEqual([['alert.began', name]])
    expect(alerts.firing().map(alert => alert.name)).toEqual([name])
    alerts.update(stateOf())
    expect(told()).toEqual([['alert.ended', name]])
    expect(alerts.firing()).toEqual([])
  })

  it('is not given for a part that is no more than degraded where that is bearable', () => {
    const { alerts, told } = setUp()
    alerts.update(stateOf({ components: [part('store', 'degraded'), part('redis', 'degraded')] }))
    alerts.update(stateOf({ backlog: { rows: 5, ageMs: 60_000, deadLetters: 0 } }))
    expect(told()).toEqual([])
  })

  it('names the circuit that it is about', () => {
    const { alerts, events } = setUp()
    alerts.update(stateOf({ circuits: [circuit, { ...circuit, model: 'n' }] }))
    expect(events).toMatchObject([
      { type: 'alert.began', name: 'circuit_open', provider: 'openai', model: 'm', tenant: '' },
      { type: 'alert.began', name: 'circuit_open', provider: 'openai', model: 'n', tenant: '' },
    ])
  })

  it('of a budget belongs to its tenant, and lasts until the budget begins anew', () => {
    const { clock, alerts, events, told } = setUp()
    const limit = { kind: 'day_budget', tenant: 'acme', whose: 'tenant acme', used: 9, limit: 10 } as const
    alerts.limit({ type: 'limit.near', ...limit })
    alerts.limit({ type: 'limit.refused', ...limit })
    alerts.limit({ type: 'limit.near', ...limit, kind: 'requests_per_minute' })
    expect(events).toMatchObject([{ name: 'budget_nearly_spent', tenant: 'acme' }])
    told()
    // It is 17:00 UTC, and the day ends at midnight.
    clock.pass(7 * 3_600_000 - 1)
    alerts.update(stateOf())
    expect(told()).toEqual([])
    clock.pass(1)
    alerts.update(stateOf())
    expect(told()).toEqual([['alert.ended', 'budget_nearly_spent']])
  })

  it('of a slow event loop says how slow', () => {
    const { alerts, events, told } = setUp()
    alerts.loopDelay(199)
    expect(told()).toEqual([])
    alerts.loopDelay(250)
    expect(events).toMatchObject([{ name: 'event_loop_slow', message: expect.stringContaining('250 ms') }])
    alerts.loopDelay(0)
    expect(told()).toEqual([
      ['alert.began', 'event_loop_slow'],
      ['alert.ended', 'event_loop_slow'],
    ])
  })

  it('of an overload says what there is too much of', () => {
    const { alerts, events, told } = setUp()
    alerts.overload(undefined)
    expect(told()).toEqual([])
    alerts.overload('store')
    alerts.overload('store')
    expect(events).toMatchObject([
      { name: 'overloaded', isGrave: true, message: expect.stringContaining('the disk of the process') },
    ])
    alerts.overload(undefined)
    expect(told()).toEqual([
      ['alert.began', 'overloaded'],
      ['alert.ended', 'overloaded'],
    ])
  })
})
