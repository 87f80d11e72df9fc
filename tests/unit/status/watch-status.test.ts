// The watches of the state: now, then each change, the newest to a slow reader; and the same value behind every way of asking.
import { describe, expect, it } from 'vitest'
import { HealthState } from '#gen/exai/v1/status_pb'
import type { ProviderKeyState } from '../../../src/core/provider.ts'
import type { CircuitState } from '../../../src/routing/circuit-life.ts'
import { createStatus } from '../../../src/status/status.ts'
import { createStatusWatches } from '../../../src/status/watch-status.ts'
import { createWatchers } from '../../../src/status/watchers.ts'
import { callerOf, watchCallOf } from '../../support/call-records.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'

function setUp() {
  const clock = createHandClock()
  let circuits: readonly CircuitState[] = []
  let keys: readonly ProviderKeyState[] = [{ label: 'a' }]
  const provider = { ...createScriptedProvider('one', [[]]), keys: () => keys }
  const status = createStatus({ clock, circuits: () => circuits, providers: () => [provider], services: [] })
  const watchers = createWatchers({ clock })
  const watches = createStatusWatches({
    status,
    process: { version: '2.4.0', instance: 'host:1', uptimeMs: () => 1_500 },
    watchers,
  })
  status.onChange(() => void watches.look())
  const { call } = watchCallOf(callerOf('acme', 'monitoring'))
  const circuit = (state: CircuitState['state']): void => {
    const sinceMs = clock.now()
    const own = { provider: 'one', model: 'm', reason: 'why', failureRatio: 0, callCount: 0, held: false }
    circuits = [{ ...own, state, sinceMs }]
    status.changed()
  }
  return {
    clock,
    status,
    watches,
    circuit,
    watch: () => watches.watch(call),
    key: (state: ProviderKeyState) => {
      keys = [state]
    },
  }
}

describe('a watch of the state', () => {
  it('tells it as it is, and then each change', async () => {
    const { watch, circuit } = setUp()
    const stream = watch()
    expect((await stream.next()).value?.status).toMatchObject({
      state: HealthState.HEALTHY,
      version: '2.4.0',
    })
    const next = stream.next()
    circuit('open')
    expect((await next).value?.status).toMatchObject({
      state: HealthState.UNHEALTHY,
      providers: [{ provider: 'one', state: HealthState.UNHEALTHY }],
      circuits: [{ model: 'm', reason: 'why' }],
    })
  })

  it('gives a slow reader the newest state, and not those between', async () => {
    const { watch, circuit } = setUp()
    const stream = watch()
    await stream.next()
    circuit('open')
    circuit('half_open')
    circuit('closed')
    circuit('half_open')
    expect((await stream.next()).value?.status).toMatchObject({ state: HealthState.DEGRADED })
    const next = stream.next()
    circuit('closed')
    expect((await next).value?.status).toMatchObject({ state: HealthState.HEALTHY })
  })

  it('does not take for a change what moves with every call, or the wavering of two clocks', () => {
    const { clock, watches, key } = setUp()
    watches.look()
    const untilMs = clock.now() + 60_000
    key({ label: 'a', out: { trouble: 'rate_limit', untilMs } })
    expect(watches.look()).toBe(true)
    key({ label: 'a', out: { trouble: 'rate_limit', untilMs: untilMs + 1 } })
    expect(watches.look()).toBe(false)
    key({ label: 'a' })
    expect(watches.look()).toBe(true)
    expect(watches.look()).toBe(false)
  })
})

describe('the time of a change', () => {
  it('is kept for each part until its state is another one', () => {
    const { clock, status, circuit } = setUp()
    const since = (): number | undefined => status.state().providers[0]?.sinceMs
    const began = since()
    clock.pass(1_000)
    expect(since()).toBe(began)
    circuit('open')
    expect(since()).toBe(clock.now())
    const opened = since()
    clock.pass(1_000)
    circuit('open')
    expect(since()).toBe(opened)
  })
})

describe('every way of asking', () => {
  it.each(['closed', 'half_open', 'open'] as const)('says the same while a circuit is %s', state => {
    const { status, watches, circuit } = setUp()
    circuit(state)
    const message = watches.now()
    const report = status.report()
    const words = {
      healthy: HealthState.HEALTHY,
      degraded: HealthState.DEGRADED,
      unhealthy: HealthState.UNHEALTHY,
    }
    expect(message.state).toBe(words[report.status])
    expect(message.components?.map(({ name, state: own, detail }) => [name, own, detail])).toEqual(
      Object.entries(report.components).map(([name, one]) => [name, words[one.status], one.reason]),
    )
    const gauges = { ok: HealthState.HEALTHY, degraded: HealthState.DEGRADED, down: HealthState.UNHEALTHY }
    expect(message.providers?.map(one => one.state)).toEqual(
      status.providers().map(one => gauges[one.health]),
    )
    expect(status.serving('provider/one')).toBe(
      message.providers?.[0]?.state === HealthState.UNHEALTHY ? 'NOT_SERVING' : 'SERVING',
    )
  })
})
