// The endpoint for monitoring: each subscription is a watch of the state and one of the events, shown in four kinds of frames.
import { create, type JsonObject } from '@bufbuild/protobuf'
import { EventSchema } from '#gen/exai/v1/event_pb'
import {
  MonitoringService,
  type WatchEventsRequest,
  WatchEventsRequestSchema,
} from '#gen/exai/v1/monitoring_service_pb'
import { type Status, StatusSchema } from '#gen/exai/v1/status_pb'
import type { Clock } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Asked, Exchange } from '../../server/exchange.ts'
import type { Services } from '../services.ts'
import { errorOf, refused, type ServerFrame, told } from './frame.ts'
import { alertOf, providersShown } from './sight.ts'
import { createTally, type Tally } from './tally.ts'
import { carryOut, DOOR, type Endpoint, sendPaced, type Task } from './task.ts'

/** What `createMonitoringEndpoint` needs. */
export interface MonitoringEndpointDeps {
  readonly monitoring: Pick<Services['monitoring'], 'watchStatus' | 'watchEvents'>
  readonly clock: Pick<Clock, 'now'>
  /** How many connections of any kind the port has. */
  readonly connections: () => number
}

/** What a subscription shows. */
export const SHOWN = ['connection_status', 'provider_metrics', 'error_alert', 'performance_update'] as const

type Shown = (typeof SHOWN)[number]

const { watchEvents, watchStatus } = MonitoringService.method
const INTERVAL_SECONDS = 10
const INTERVAL_SECONDS_MAX = 300

/** Makes it. */
export function createMonitoringEndpoint(deps: MonitoringEndpointDeps): Endpoint {
  return {
    begins: 'subscribe',
    ends: 'unsubscribe',
    ended: 'unsubscribed',
    asked: () => asked(watchEvents.name),
    run: task =>
      carryOut(task, asked(watchEvents.name), async events => {
        const state = task.open(asked(watchStatus.name))
        try {
          await task.enter(state)
          await subscribe(deps, task, { events, state })
        } catch (thrown) {
          state.fail(errorOf(thrown, state.signal))
          throw thrown
        } finally {
          state.close()
        }
      }),
  }
}

function asked(name: string): Asked {
  const method = `${MonitoringService.typeName}/${name}`
  return { door: DOOR, method, protocol: DOOR, isWatch: true, isCounted: true }
}

/** What a client wants to see. */
interface Wish {
  readonly shown: ReadonlySet<Shown>
  readonly intervalSeconds: number
  readonly request: WatchEventsRequest
}

function wishOf({ events = [...SHOWN], interval_seconds = INTERVAL_SECONDS, tenant = '' }: JsonObject): Wish {
  if (!Array.isArray(events)) throw refused(`events must be a list of ${SHOWN.join(', ')}`)
  const shown = events.map(name => {
    const known = SHOWN.find(one => one === name)
    if (known === undefined) throw refused(`events: ${told(name)} is none of ${SHOWN.join(', ')}`)
    return known
  })
  if (
    typeof interval_seconds !== 'number' ||
    !(interval_seconds >= 1 && interval_seconds <= INTERVAL_SECONDS_MAX)
  )
    throw refused(`interval_seconds must be a number from 1 to ${INTERVAL_SECONDS_MAX}`)
  if (typeof tenant !== 'string') throw refused('tenant must be a text')
  const request = create(WatchEventsRequestSchema, { tenant })
  return { shown: new Set(shown.length === 0 ? SHOWN : shown), intervalSeconds: interval_seconds, request }
}

interface Calls {
  readonly events: Exchange
  readonly state: Exchange
}

/** Shows until one of the calls ends, and throws how it did. */
async function subscribe(deps: MonitoringEndpointDeps, task: Task, calls: Calls): Promise<void> {
  const { shown, intervalSeconds, request } = wishOf(task.fields)
  const { outlet, requestId } = task
  const tally = createTally()
  let status: Status | undefined
  const frameOf = (name: Shown, data: object): ServerFrame => ({
    type: 'event',
    request_id: requestId,
    event_type: name,
    timestamp: new Date(deps.clock.now()).toISOString(),
    data,
  })
  const show = async (name: Shown, data: object, signal: AbortSignal): Promise<void> => {
    if (shown.has(name)) await sendPaced(outlet, frameOf(name, data), signal)
  }
  const write = (name: Shown, data: object): void => {
    if (shown.has(name)) outlet.write(frameOf(name, data))
  }
  const tellConnections = (): void =>
    write('connection_status', { active_connections: deps.connections(), ...tally.totals() })
  const beat = (): void => {
    // Who has not taken the last ones does not want more of the same.
    if (outlet.room(calls.events.signal) !== undefined) return
    tellConnections()
    if (status !== undefined && tally.hasNews()) write('provider_metrics', providersShown(status, tally))
    write('performance_update', { interval_seconds: intervalSeconds, ...tally.beat() })
  }

  outlet.write({
    type: 'subscribed',
    request_id: requestId,
    events: [...shown],
    interval_seconds: intervalSeconds,
  })
  tellConnections()
  const timer = setInterval(beat, intervalSeconds * 1000).unref()
  const { events, state } = calls
  try {
    await together([
      {
        call: state,
        async read() {
          for await (const message of deps.monitoring.watchStatus(state)) {
            if (message.status === undefined) continue
            status = create(StatusSchema, message.status)
            await show('provider_metrics', providersShown(status, tally), state.signal)
          }
        },
      },
      {
        call: events,
        async read() {
          for await (const message of deps.monitoring.watchEvents(events, request)) {
            tally.dropped(message.droppedCount ?? 0)
            if (message.event === undefined) continue
            const alert = heard(create(EventSchema, message.event), tally)
            if (alert !== undefined) await show('error_alert', alert, events.signal)
          }
        },
      },
    ])
  } finally {
    clearInterval(timer)
  }
}

function heard(event: Parameters<typeof alertOf>[0], tally: Tally): object | undefined {
  const { kind } = event
  if (kind.case === 'request' && kind.value.request !== undefined) tally.request(kind.value.request)
  else if (kind.case === 'attempt') tally.attempt(kind.value)
  return alertOf(event)
}

interface Reading {
  readonly call: Exchange
  read(): Promise<void>
}

/** Reads all of them until one ends; the others end with it. Throws how the first one ended. */
async function together(readings: readonly Reading[]): Promise<void> {
  let first: unknown
  await Promise.all(
    readings.map(async ({ call, read }) => {
      try {
        await read()
        throw new GatewayError('INTERNAL', 'a watch ended by itself')
      } catch (thrown) {
        const error = errorOf(thrown, call.signal)
        first ??= error
        for (const other of readings) other.call.abort(error)
      }
    }),
  )
  throw first
}
