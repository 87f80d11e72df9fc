// The owner as the composition root of a worker takes it, and what the owner asks of that worker.
import type { Snapshot } from '../config/snapshot.ts'
import type { Call } from '../core/call.ts'
import type { systemClock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Gateway } from '../gateway.ts'
import { openKeeping } from '../keeping.ts'
import type { Owner, WorkerParts } from '../owner.ts'
import type { Channel } from '../stores/workers/channel.ts'
import type { WorkersShared } from '../stores/workers/shared.ts'
import type { Logger } from '../telemetry/logger.ts'
import { openSeeing, type Seeing } from './seeing.ts'
import { createStoreClient } from './store-client.ts'
import type { Asking, OwnerAnswers, Start, SwitchQuestion, WorkerAnswers } from './words.ts'

/** What it is made of. */
export interface WorkerOwnerDeps {
  readonly owner: Asking<OwnerAnswers>
  readonly channel: Pick<Channel, 'isOpen' | 'close'>
  readonly shared: WorkersShared
  readonly start: Start
  readonly log: Logger
  /** Told of each Snapshot before it is put into use. */
  readonly onTake: (snapshot: Snapshot) => void
  /** Called before the owner is told that everything has ended. */
  readonly onEnd: () => void
}

/** The owner, and what it asks. */
export interface WorkerOwner {
  readonly owner: Owner
  readonly answers: WorkerAnswers
  /** The worker serves now. */
  started(gateway: Gateway): void
}

/** How long a sum waits for what this machine has still to send, in milliseconds. */
const ARRIVAL_MS = 1_000
/** What the answer to the owner gets to leave before the process exits, in milliseconds. */
const FAREWELL_MS = 50

/** Makes it. */
export function createWorkerOwner({
  owner,
  channel,
  shared,
  start,
  log,
  onTake,
  onEnd,
}: WorkerOwnerDeps): WorkerOwner {
  let isRedisUp = start.isRedisUp
  let seeing: Seeing | undefined
  let parts: WorkerParts | undefined
  let gateway: Gateway | undefined
  const listeners = new Set<() => void>()
  const begun = <T>(part: T | undefined): T => {
    if (part === undefined) throw new GatewayError('INTERNAL', 'the worker has not begun')
    return part
  }
  const client = createStoreClient(owner, channel)

  return {
    owner: {
      keeping: ({ clock, log: own }: { readonly clock: typeof systemClock; readonly log: Log }) =>
        openKeeping({
          config: start.config,
          clock,
          log: own,
          elsewhere: {
            client,
            wake: () => owner.tell('wake', undefined),
            empty: () => owner.ask('arrived', ARRIVAL_MS),
            numbers: () => owner.ask('numbers', undefined),
          },
        }),
      sharing: {
        shared,
        // The owner tells of it.
        health: () => ({}),
        isUp: () => isRedisUp,
        onHealth(listener) {
          listeners.add(listener)
          return () => void listeners.delete(listener)
        },
        close: shared.close,
      },
      monitoring(deps) {
        seeing = openSeeing({ ...deps, owner, start })
        return seeing
      },
      metricsText: () => owner.ask('metrics', undefined),
      switching: () => async (call, wish) =>
        owner.ask('switch', { caller: call.caller, requestId: call.id, wish }),
      firstOfAll: counter => owner.ask('near', counter),
      workers: start.config.workers,
      isKeeper: start.slot === 1,
      serve(own) {
        parts = own
        for (const wish of start.wishes) own.circuitSwitch(operator, wish)
      },
    },
    started(own) {
      gateway = own
    },
    answers: {
      look: () => begun(seeing).answers.look(),
      told: state => seeing?.answers.told(state),
      show: event => seeing?.answers.show(event),
      tell: isWatched => seeing?.answers.tell(isWatched),
      find: question => begun(seeing).answers.find(question),
      redis(isUp) {
        if (isUp === isRedisUp) return
        isRedisUp = isUp
        for (const listener of [...listeners]) listener()
      },
      take(snapshot) {
        onTake(snapshot)
        begun(parts).take(snapshot)
      },
      level: log.setLevel,
      values: () => begun(parts).metrics.values(),
      turn: ({ caller, requestId, wish }: SwitchQuestion) =>
        begun(parts).circuitSwitch({ caller, id: requestId }, wish),
      async drain() {
        const result = await begun(gateway).stop()
        onEnd()
        // After the answer has left.
        setTimeout(() => {
          channel.close()
          process.exit(0)
        }, FAREWELL_MS)
        return result
      },
      abort: () => gateway?.abort(),
      kept: client.kept,
    },
  }
}

/** Whoever held circuits before this worker began. */
const operator: Pick<Call, 'id' | 'caller'> = {
  id: 'start',
  caller: { tenant: 'default', subject: 'start', scopes: ['admin'] },
}
