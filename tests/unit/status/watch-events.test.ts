// The watches of events: what arrives, what a slow reader loses, and that nobody pays while nobody watches.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { EventKind, Severity } from '#gen/exai/v1/event_pb'
import { WatchEventsRequestSchema } from '#gen/exai/v1/monitoring_service_pb'
import { createEventIds } from '../../../src/status/event-ids.ts'
import { createEventWatches } from '../../../src/status/watch-events.ts'
import { createWatchers } from '../../../src/status/watchers.ts'
import { callerOf, callRecordOf, watchCallOf } from '../../support/call-records.ts'
import { createHandClock } from '../../support/hand-clock.ts'

function setUp(queueMax?: number) {
  const clock = createHandClock()
  const made: string[] = []
  const newId = createEventIds(clock)
  const watches = createEventWatches({
    newId: () => {
      const id = newId()
      made.push(id)
      return id
    },
    now: clock.now,
    circuit: () => undefined,
    watchers: createWatchers({ clock }),
    providers: () => ['openai'],
    ...(queueMax === undefined ? {} : { queueMax }),
  })
  const begin = (request: MessageInitShape<typeof WatchEventsRequestSchema> = {}) => {
    const { call } = watchCallOf(callerOf('ops', 'admin'))
    return { call, watch: watches.watch(call, create(WatchEventsRequestSchema, request)) }
  }
  const request = (requestId: string) =>
    watches.hear({ type: 'request.ended', request: callRecordOf({ requestId }) })
  return { watches, begin, request, made }
}

describe('a watch of events', () => {
  it('gets what happens from its beginning on, in order', async () => {
    const { begin, request } = setUp()
    request('before')
    const { watch } = begin()
    const first = watch.next()
    await Promise.resolve()
    request('one')
    request('two')
    expect((await first).value?.event).toMatchObject({
      requestId: 'one',
      tenant: 'acme',
      severity: Severity.INFO,
    })
    expect((await watch.next()).value?.event).toMatchObject({ requestId: 'two' })
  })

  it('tells a circuit with the state that it left', async () => {
    const { begin, watches } = setUp()
    const { watch } = begin({ kinds: [EventKind.CIRCUIT] })
    const first = watch.next()
    await Promise.resolve()
    const circuit = { provider: 'openai', model: 'm', reason: '12 of 20 calls failed' }
    watches.hear({ type: 'circuit.changed', ...circuit, from: 'closed', to: 'open' })
    expect((await first).value?.event).toMatchObject({
      severity: Severity.WARNING,
      kind: { case: 'circuit', value: { circuit: { ...circuit, state: 2 }, previousState: 1 } },
    })
  })

  it('loses the oldest beyond its queue, and is told how many before the next one', async () => {
    const { begin, request } = setUp(3)
    const { watch } = begin()
    const first = watch.next()
    await Promise.resolve()
    request('one')
    await first
    for (const id of ['a', 'b', 'c', 'd', 'e']) request(id)
    const told = [await watch.next(), await watch.next(), await watch.next()]
    expect(told.map(({ value }) => [value?.event?.requestId, value?.droppedCount])).toEqual([
      ['c', 2],
      ['d', 0],
      ['e', 0],
    ])
  })

  it('costs nothing when nobody watches, and again when nobody does any more', async () => {
    const { begin, request, made } = setUp()
    request('one')
    expect(made).toEqual([])
    const { watch } = begin()
    const first = watch.next()
    await Promise.resolve()
    request('two')
    await first
    await watch.return(undefined)
    request('three')
    expect(made).toHaveLength(1)
  })
})

describe('ids of events', () => {
  it('sort in the order of events, also within a millisecond and when the clock is set back', () => {
    let now = Date.parse('2026-11-22T17:00:00Z')
    const newId = createEventIds({ now: () => now })
    const ids: string[] = []
    for (let index = 0; index < 5_000; index += 1) ids.push(newId())
    now -= 60_000
    ids.push(newId())
    now += 120_000
    ids.push(newId())
    expect([...ids].sort()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of [ids[0], ids.at(-1)])
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
