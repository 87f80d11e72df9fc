// The seeing of the owner: one state, one set of alerts and one stream of events from what all workers tell.
import { hostname } from 'node:os'
import { createComponents } from '../components.ts'
import type { Config } from '../config/config.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'
import type { Keeping } from '../keeping.ts'
import type { OverloadCause } from '../server/overload.ts'
import type { Sharing } from '../sharing.ts'
import { createAlerts } from '../status/alerts.ts'
import { createEventIds } from '../status/event-ids.ts'
import { seenEvent } from '../status/event-message.ts'
import { type ComponentReport, fingerprintOf, type GatewayState } from '../status/state.ts'
import { createStatus } from '../status/status.ts'
import type { Events } from '../telemetry/events.ts'
import { sentEvent } from './event-bytes.ts'
import { joinedCircuits, joinedProviders, joinedStore } from './joined-sight.ts'
import type { Asking, EventOnItsWay, Sight, WorkerAnswers } from './words.ts'

/** A worker as the seeing has it. */
export interface SeenWorker {
  readonly slot: number
  readonly worker: Asking<WorkerAnswers>
  sight: Sight | undefined
  isWatching: boolean
  /** What it has of a Snapshot. */
  readonly partOf: (snapshot: Snapshot) => Snapshot
  load: { readonly delayMs: number; readonly shedFor: OverloadCause | undefined }
}

/** What it is made of. */
export interface WatchingDeps {
  readonly config: Config
  readonly clock: Clock
  readonly events: Events
  readonly keeping: Keeping
  readonly sharing: Sharing
  readonly configVersion: () => number
  readonly services: readonly string[]
  /** The workers that are there now. */
  readonly workers: () => readonly SeenWorker[]
}

/** The seeing of the owner. */
export interface Watching {
  /** The state now, by what was told last. */
  state(): GatewayState
  /** The state by what the workers see now. */
  fresh(): Promise<GatewayState>
  /** Something may have changed: tells every worker if it has. */
  look(): void
  /** A worker has begun to watch events, or ends it. */
  watched(): void
  isWatched(): boolean
  /** A worker has died, or another one listens in its place. */
  missing(slot: number, isMissing: boolean): void
  /** Tells whoever watches of an event of a worker. */
  show(event: EventOnItsWay): void
  alerts: ReturnType<typeof createAlerts>
  /** Of this process, for whoever asks who answers. */
  readonly instance: string
  readonly beganAt: number
  readonly listId: string
  /** From now on everything is NOT_SERVING. */
  drain(): void
  close(): void
}

const TICK_MS = 1_000
/** How long a worker may take to tell what it sees, in milliseconds. */
const SIGHT_MS = 1_000

/** Begins to see. */
export function openWatching(deps: WatchingDeps): Watching {
  const { config, clock, events, keeping, sharing, workers } = deps
  const sights = (): readonly Sight[] =>
    workers().flatMap(({ sight }) => (sight === undefined ? [] : [sight]))
  const own = (): ComponentReport =>
    keeping.isOpen()
      ? { status: 'healthy', reason: '' }
      : { status: 'unhealthy', reason: 'the store has died and is started again' }
  const components = createComponents({
    config,
    clock,
    keeping,
    sharing,
    store: () => joinedStore(sights(), own()),
  })
  const status = createStatus({
    providers: () => joinedProviders(sights()),
    services: deps.services,
    circuits: () => joinedCircuits(sights()),
    ...components.told,
    configVersion: deps.configVersion,
    clock,
  })
  const alerts = createAlerts({ clock, onEvent: events.emit })
  const isWatched = (): boolean => workers().some(({ isWatching }) => isWatching)
  const making = {
    newId: createEventIds(clock),
    now: clock.now,
    circuit: (provider: string, model: string) =>
      joinedCircuits(sights()).find(one => one.provider === provider && one.model === model),
  }
  // By place.
  const missing = new Set<number>()
  let print = ''

  function look(): void {
    const state = status.state()
    const now = fingerprintOf(state)
    if (now === print) return
    print = now
    for (const { worker } of workers()) worker.tell('told', state)
    alerts.update(state)
  }

  function show(event: EventOnItsWay): void {
    for (const { worker, isWatching } of workers()) if (isWatching) worker.tell('show', event)
  }

  async function fresh(): Promise<GatewayState> {
    const asked = workers().map(async one => {
      const late = AbortSignal.timeout(SIGHT_MS)
      const ended = new Promise<undefined>(resolve => {
        late.addEventListener('abort', () => resolve(undefined))
      })
      // A worker that does not answer counts with what it told last.
      const sight = await Promise.race([one.worker.ask('look', undefined).catch(() => undefined), ended])
      one.sight = sight ?? one.sight
    })
    await Promise.all([...asked, components.look()])
    look()
    return status.state()
  }

  const stops = [
    events.subscribe(event => {
      if (isWatched()) show(sentEvent(seenEvent(event, making)))
    }),
    events.subscribe(event => {
      components.hear(event)
      if (event.type.startsWith('config.')) look()
    }),
    keeping.onHealth(look),
    sharing.onHealth(look),
  ]
  const timer = setInterval(() => {
    const loads = workers().map(({ load }) => load)
    alerts.loopDelay(Math.max(0, ...loads.map(({ delayMs }) => delayMs)))
    alerts.overload(loads.find(({ shedFor }) => shedFor !== undefined)?.shedFor)
    void components.look().then(look)
  }, TICK_MS).unref()
  void components.look().then(look)

  return {
    state: status.state,
    fresh,
    look,
    watched() {
      const now = isWatched()
      for (const { worker } of workers()) worker.tell('tell', now)
    },
    isWatched,
    missing(slot, isMissing) {
      if (missing.has(slot) === isMissing) return
      if (isMissing) missing.add(slot)
      else missing.delete(slot)
      // The alert is one, and ends with the last of them.
      if (!isMissing && missing.size > 0) return look()
      events.emit({
        type: isMissing ? 'alert.began' : 'alert.ended',
        name: 'worker_died',
        isGrave: false,
        message: `worker ${slot} has died and is started again: its calls are lost, see the log for the reason`,
        tenant: '',
        provider: '',
        model: '',
      })
      look()
    },
    show,
    alerts,
    instance: `${hostname()}:${process.pid}`,
    beganAt: clock.now(),
    listId: uuidv7(clock.now()),
    drain() {
      status.drain()
      look()
    },
    close() {
      clearInterval(timer)
      for (const stop of stops) stop()
    },
  }
}
