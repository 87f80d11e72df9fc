// The seeing of a worker: it tells the owner what it sees, and shows whoever asks what the owner made of all that.
import type { GatewayEvent } from '../core/gateway-event.ts'
import type { OpenMonitoring, OpenMonitoringDeps } from '../monitoring.ts'
import { createLateness, createShedding } from '../server/shedding.ts'
import { createEventIds } from '../status/event-ids.ts'
import { seenEvent } from '../status/event-message.ts'
import { createJoinedList, findCalls } from '../status/list-requests.ts'
import { createRecentCalls } from '../status/recent-calls.ts'
import type { GatewayState } from '../status/state.ts'
import { createEventWatches } from '../status/watch-events.ts'
import { createStatusWatches } from '../status/watch-status.ts'
import { createWatchers } from '../status/watchers.ts'
import { foundOf, questionOf, seenOf, sentCall, sentEvent, sentQuestion } from './event-bytes.ts'
import { createPlaces } from './places.ts'
import { createToldStatus } from './told-status.ts'
import type { Asking, OwnerAnswers, Sight, Start, WorkerAnswers } from './words.ts'

/** What a worker's seeing is made of. */
export interface SeeingDeps extends OpenMonitoringDeps {
  readonly owner: Asking<OwnerAnswers>
  readonly start: Start
}

/** The seeing of a worker, and what the owner asks of it. */
export interface Seeing extends OpenMonitoring {
  readonly answers: Pick<WorkerAnswers, 'look' | 'told' | 'show' | 'tell' | 'find'>
}

const TICK_MS = 1_000

/** Begins to see. */
export function openSeeing(deps: SeeingDeps): Seeing {
  const { config, clock, events, circuits, keeping, metrics, owner, start } = deps
  let told: GatewayState = start.state
  let isWatched = start.isWatched
  let saidSight = ''

  const sight = (): Sight => ({
    configVersion: deps.configVersion(),
    providers: deps.providers().map(({ id, unusableReason, outage, keys }) => ({
      id,
      unusableReason,
      isOut: outage !== undefined,
      keys: keys?.() ?? [],
    })),
    circuits: circuits.states(),
    store: deps.store(),
  })
  /** Tells what is seen, when that is something else than before. */
  function look(): void {
    const now = sight()
    // What moves with every call is asked for when somebody wants to know it.
    const still = now.circuits.map(({ failureRatio: _, callCount: __, ...circuit }) => circuit)
    const print = JSON.stringify({ ...now, circuits: still })
    if (print === saidSight) return
    saidSight = print
    owner.tell('sight', now)
  }

  const status = createToldStatus({
    told: () => told,
    store: deps.store,
    services: deps.services,
    now: clock.now,
    onChange: look,
  })
  const watchers = createWatchers({ clock })
  const statusWatches = createStatusWatches({
    status,
    process: {
      version: deps.version,
      instance: start.instance,
      uptimeMs: () => Math.max(0, clock.now() - start.beganAt),
    },
    watchers,
  })
  const making = {
    newId: createEventIds(clock),
    now: clock.now,
    circuit: (provider: string, model: string) =>
      circuits.states().find(one => one.provider === provider && one.model === model),
  }
  const eventWatches = createEventWatches({
    ...making,
    watchers,
    providers: () => deps.providers().map(({ id }) => id),
    onWatched: now => owner.tell('watched', now),
  })
  const calls = createRecentCalls({ onEvent: events.emit, newPlace: createPlaces(start.slot, clock) })
  const find = findCalls({ calls, clock })

  const shedding = createShedding({
    clock,
    delayMs: config.timeouts.overloadDelayMs,
    storeWaiting: keeping.waiting,
    onShed: metrics.callShed,
  })

  function hear(event: GatewayEvent): void {
    if (isWatched) owner.tell('event', sentEvent(seenEvent(event, making)))
    if (event.type === 'limit.near' || event.type === 'limit.refused') owner.tell('limit', event)
    if (event.type === 'circuit.changed') look()
  }
  const stops = [events.subscribe(hear), status.onChange(() => void statusWatches.look())]

  const lateness = createLateness()
  let saidLoad = ''
  const timer = setInterval(() => {
    lateness.tick()
    const load = { delayMs: Math.round(lateness.ms()), shedFor: shedding.cause() }
    if (JSON.stringify(load) !== saidLoad) owner.tell('load', load)
    saidLoad = JSON.stringify(load)
    // A key that comes back tells nobody by itself.
    look()
    watchers.tick()
  }, TICK_MS).unref()
  look()

  async function renew(): Promise<void> {
    told = await owner.ask('state', undefined)
    status.renewed()
  }

  return {
    status,
    reads: {
      getStatus: async () => {
        await renew()
        return { status: statusWatches.now() }
      },
      async *watchStatus(call) {
        await renew()
        yield* statusWatches.watch(call)
      },
      watchEvents: eventWatches.watch,
      listRequests: createJoinedList({
        listId: start.listId,
        async find(caller, request, before, count) {
          const found = await owner.ask('calls', { caller, request: sentQuestion(request), before, count })
          return found.map(foundOf)
        },
      }),
    },
    calls,
    overload: shedding.overload,
    // The owner looks now: what it told last may be older than what the caller knows.
    backlog: keeping.numbers,
    close() {
      clearInterval(timer)
      lateness.close()
      for (const stop of stops) stop()
    },
    answers: {
      look: sight,
      told(state) {
        told = state
        status.renewed()
      },
      show: event => eventWatches.show(seenOf(event)),
      tell(now) {
        isWatched = now
      },
      find: ({ caller, request, before, count }) =>
        find(caller, questionOf(request), before, count).map(sentCall),
    },
  }
}
