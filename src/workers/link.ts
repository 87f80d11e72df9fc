// The owner's way to one worker: what it is asked from there, and what the worker is told.
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { partOfSnapshot } from '../config/parts.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log, LogLevel } from '../core/log.ts'
import type { Keeping } from '../keeping.ts'
import type { FirstTime } from '../metering/limit-news.ts'
import type { CircuitState } from '../routing/circuit-life.ts'
import type { Sharing } from '../sharing.ts'
import type { InputOf, OperationName } from '../stores/sqlite/operations.ts'
import { type Channel, createChannel } from '../stores/workers/channel.ts'
import type { SharedOwner } from '../stores/workers/shared-owner.ts'
import type { LogFilesSink } from '../telemetry/logger.ts'
import { textOfAll } from '../telemetry/metric-sums.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Child } from './child.ts'
import type { OpenWorker } from './fleet.ts'
import type { HeldCircuits } from './held-circuits.ts'
import { startPulse } from './pulse.ts'
import { keepBundle } from './store-client.ts'
import type { SeenWorker, Watching } from './watching.ts'
import {
  type Asking,
  asking,
  handlersOf,
  type OwnerAnswers,
  PULSE,
  type Start,
  type StartFault,
  type SwitchQuestion,
  type WorkerAnswers,
} from './words.ts'

/** What the owner has. */
export interface OwnedParts {
  /** With the port that all workers listen on. */
  readonly config: Config
  /** What new workers begin with. */
  readonly inUse: { readonly snapshot: Snapshot; readonly level: LogLevel | undefined }
  readonly keeping: Keeping
  readonly sharing: Sharing
  readonly metrics: Metrics
  readonly owner: SharedOwner
  readonly watching: Watching
  readonly held: HeldCircuits
  /** Of the counters that the workers name as nearly used. */
  readonly firstNear: FirstTime
}

/** What a way to a worker is made from. */
export interface LinkDeps {
  readonly slot: number
  readonly child: Child
  /** There as soon as everything is open; until then the worker waits. */
  readonly owned: Promise<OwnedParts>
  /** Those that listen, by their places. */
  readonly workers: Map<number, SeenWorker>
  /** Takes the lines of the workers, too. */
  readonly files: LogFilesSink | undefined
  readonly log: Log
  /** Called when it does not answer any more. */
  readonly onHung: () => void
}

/** How long a worker may take to tell its numbers or calls, in milliseconds: one that hangs must not hide the others. */
const ANSWER_MS = 2_000

/** Connects a worker that has just been started. */
export function connectWorker(deps: LinkDeps): OpenWorker {
  const { slot, child, owned, workers, log } = deps
  const ready = Promise.withResolvers<void>()
  const opening = owned.then(parts => open(deps, parts, ready))
  opening.catch(ready.reject)
  const closed = opening.then(async ({ channel }) => {
    await channel.closed
    workers.delete(slot)
  })
  closed.catch(() => undefined)
  return {
    ready: ready.promise,
    async drain() {
      const { worker, channel } = await opening
      try {
        return await worker.ask('drain', undefined)
      } finally {
        channel.close()
      }
    },
    abort: () => void opening.then(({ worker }) => worker.tell('abort', undefined)).catch(() => undefined),
    async release() {
      child.socket.destroy()
      const { shared, channel } = await opening
      await channel.closed
      await shared.release()
      log.debug('what a worker held is let go', { worker: slot })
    },
  }
}

interface Opened {
  readonly channel: Channel
  readonly worker: Asking<WorkerAnswers>
  readonly shared: { release(): Promise<void> }
}

function open(deps: LinkDeps, parts: OwnedParts, ready: PromiseWithResolvers<void>): Opened {
  const { child, log } = deps
  const shared = parts.owner.link(() => channel)
  const onFault = (err: unknown): void => log.error('a word of a worker has failed', { err })
  const answers = answersTo(deps, parts, { ready, worker: () => worker })
  const channel: Channel = createChannel({
    socket: child.socket,
    offer: { handlers: { ...shared.offer.handlers, ...handlersOf(answers) }, streams: shared.offer.streams },
    onFault,
  })
  const worker = asking<WorkerAnswers>(channel)
  const endPulse = startPulse({ ask: () => channel.ask(PULSE, undefined), onHung: deps.onHung })
  void channel.closed.then(endPulse)
  return { channel, worker, shared }
}

interface Asker {
  readonly ready: PromiseWithResolvers<void>
  readonly worker: () => Asking<WorkerAnswers>
}

function answersTo(deps: LinkDeps, parts: OwnedParts, { ready, worker }: Asker): OwnerAnswers {
  const { slot, workers, files } = deps
  const { config, inUse, keeping, sharing, watching, held } = parts
  const seen: SeenWorker = {
    slot,
    get worker() {
      return worker()
    },
    sight: undefined,
    isWatching: false,
    load: { delayMs: 0, shedFor: undefined },
    partOf: snapshot => partOfSnapshot(snapshot, { worker: slot, of: config.workers }),
  }
  let given: Snapshot | undefined
  return {
    async start(): Promise<Start> {
      given = inUse.snapshot
      return {
        config: { ...config, snapshot: seen.partOf(given) },
        slot,
        level: inUse.level,
        state: watching.state(),
        isRedisUp: sharing.isUp(),
        instance: watching.instance,
        beganAt: watching.beganAt,
        listId: watching.listId,
        wishes: held.wishes(),
        isWatched: watching.isWatched(),
      }
    },
    listening() {
      workers.set(slot, seen)
      // What has changed while it began.
      if (inUse.snapshot !== given) void worker().ask('take', seen.partOf(inUse.snapshot)).catch(ready.reject)
      if (inUse.level !== undefined) worker().tell('level', inUse.level)
      worker().tell('redis', sharing.isUp())
      worker().tell('tell', watching.isWatched())
      worker().tell('told', watching.state())
      watching.look()
      ready.resolve()
    },
    failed: fault => ready.reject(errorOf(fault)),
    // Named and typed where they are asked; here they are only passed on.
    store: ([name, input]) => keeping.client.ask(name as OperationName, input as InputOf<OperationName>),
    commits: bundle => void keepBundle(keeping.client, bundle).then(kept => worker().tell('kept', kept)),
    wake: keeping.wake,
    arrived: withinMs => keeping.arrived(AbortSignal.timeout(withinMs)),
    numbers: keeping.numbers,
    sight(sight) {
      seen.sight = sight
      watching.look()
    },
    state: watching.fresh,
    event: watching.show,
    limit: watching.alerts.limit,
    near: async counter => parts.firstNear(counter),
    watched(isWatched) {
      seen.isWatching = isWatched
      watching.watched()
    },
    async calls(question) {
      const found = await fromAll(workers, one => one.ask('find', question))
      return found
        .flat()
        .sort((a, b) => b.place - a.place)
        .slice(0, question.count)
    },
    async metrics() {
      const theirs = await fromAll(workers, one => one.ask('values', undefined))
      return textOfAll([await parts.metrics.values(), ...theirs])
    },
    switch: question => turn(question, seen, parts, workers),
    log: ([line, channel, isError]) => files?.write(line, channel, isError),
    load(load) {
      seen.load = load
    },
  }
}

/** Asks every worker; one that is gone or hangs has nothing to say. */
async function fromAll<T>(
  workers: ReadonlyMap<number, SeenWorker>,
  ask: (worker: Asking<WorkerAnswers>) => Promise<T>,
): Promise<readonly T[]> {
  const asked = [...workers.values()].map(async ({ worker }): Promise<readonly T[]> => {
    const late = Promise.withResolvers<readonly T[]>()
    const timer = setTimeout(() => late.resolve([]), ANSWER_MS)
    const answer = ask(worker).then(
      one => [one],
      () => [],
    )
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      clearTimeout(timer)
    }
  })
  return (await Promise.all(asked)).flat()
}

/** Switches circuits in the worker that was asked, which says whether that can be done, and then in all others. */
async function turn(
  question: SwitchQuestion,
  asked: SeenWorker,
  { held, watching }: OwnedParts,
  workers: ReadonlyMap<number, SeenWorker>,
): Promise<readonly CircuitState[]> {
  const states = await asked.worker.ask('turn', question)
  held.note(question.wish)
  const others = [...workers.values()].filter(one => one !== asked)
  // Another one may not know the model, and then it has nothing to switch.
  await Promise.all(others.map(({ worker }) => worker.ask('turn', question).catch(() => [])))
  await watching.fresh()
  return states
}

function errorOf({ problems, message, code }: StartFault): Error {
  if (problems.length > 0) return new ConfigError([...problems])
  // Node's code, such as EADDRINUSE, says how it is to be told; our errors have a code of their own.
  return code === undefined
    ? new GatewayError('INTERNAL', message)
    : Object.assign(new Error(message), { code })
}
