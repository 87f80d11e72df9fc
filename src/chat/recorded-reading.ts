// The ways to a reading of a recording: by asking, by asking again under the same key, and by the id of a stream.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Call, ClientCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { isId, uuidv7 } from '../core/ids.ts'
import type { Marked } from '../core/marks.ts'
import type { Shared } from '../core/shared.ts'
import { type KeptMarks, markOf, unknownOutcome } from './recorded-marks.ts'
import type { Begun, Key, Runs } from './recorded-runs.ts'
import { type ReadDeps, type Standing, standingOf } from './recording.ts'
import type { RecordingLimits } from './recording-limits.ts'
import {
  type KeyMark,
  keyName,
  markBytes,
  type RecordingRef,
  readMark,
  recordingName,
  streamName,
} from './recording-names.ts'
import { frees, runMessage } from './recording-run.ts'
import { digestOf } from './request-digest.ts'

/** One reading of a recording by one call. */
export interface Reading {
  readonly ref: RecordingRef
  /** Name of the recording's log and topic. */
  readonly name: string
  /** Number of the last event that the reader has. */
  readonly after: number
  /** Where the reading begins: at `after`, or at the end of what there is when that is less. */
  readonly from: number
  /** Whether the answer is shown as one to an earlier call. */
  readonly isReplay: boolean
  readonly source: ReadDeps
  /** What to say when the process that made the recording died, or when it is not kept any more. */
  readonly fault: (what: 'lost' | 'gone') => GatewayError
  /** How the call failed, with its cause, when it ran in this process. */
  readonly failure: () => GatewayError | undefined
  /** To be called once when the reading is over; resolves when the call that it ends, if it does, is settled. */
  readonly leave: () => Promise<void>
}

/** A stream that was found by the id of its answer. */
export interface FoundStream {
  readonly ref: RecordingRef
  readonly name: string
  readonly source: ReadDeps
  readonly standing: Exclude<Standing, { type: 'gone' }>
}

/** What `createReadings` needs. */
export interface ReadingsDeps {
  readonly runs: Runs
  /** Marks that survive the process; absent: none do. */
  readonly kept?: KeptMarks | undefined
  readonly shared: Shared
  readonly clock: Clock
  readonly limits: Pick<RecordingLimits, 'aliveMs'>
  readonly onFault: (fault: unknown) => void
}

/** The ways to a reading. */
export interface Readings {
  /**
   * Begins the call that a request asks for, or finds the one that was begun under its key. Throws IDEMPOTENCY_MISMATCH,
   * OUTCOME_UNKNOWN and TOO_MANY_CALLS.
   */
  ask(call: ClientCall, request: CompleteRequest): Promise<Reading>
  /** Goes on with a stream after a number. Throws INVALID_REQUEST and STREAM_NOT_FOUND. */
  resume(call: Call, responseId: string, after: number): Promise<Reading>
  /** Finds a stream of the caller's tenant. Throws STREAM_NOT_FOUND. */
  find(call: Call, responseId: string): Promise<FoundStream>
}

// A death is noticed soon after the process counts as dead.
const LOOKS_PER_LIFE = 3

/** Makes the ways. */
export function createReadings({ runs, kept, shared, clock, limits, onFault }: ReadingsDeps): Readings {
  const sourceOf = (ref: RecordingRef): ReadDeps => ({
    shared,
    isWritten: () => runs.isWritten(ref),
    askEveryMs: limits.aliveMs / LOOKS_PER_LIFE,
  })

  /** Becomes a reader of a running recording, wherever it runs. Gives the way to be none. */
  async function enter(name: string, ref: RecordingRef): Promise<() => Promise<void>> {
    const { id, hold, release } = runs.instance
    const isElsewhere = ref.instance !== id
    const reader = uuidv7(clock.now())
    const tell = (type: 'enter' | 'leave'): Promise<void> =>
      shared.publish(name, runMessage({ type, reader, instance: id }))
    // A run lets go of readers in processes that do not show that they are alive.
    if (isElsewhere) await hold()
    const leave = (): void => {
      if (isElsewhere) release()
      tell('leave').catch(onFault)
    }
    try {
      await tell('enter')
    } catch (caught) {
      leave()
      throw caught
    }
    return async () => leave()
  }

  function first(call: Call, { ref, run, reader }: Begun): Reading {
    return {
      ref,
      name: recordingName(call.caller.tenant, ref),
      after: 0,
      from: 0,
      isReplay: false,
      source: sourceOf(ref),
      fault: () =>
        new GatewayError(
          'STREAM_LOST',
          'what was not read in time is not kept any more; read faster, or ask for less',
        ),
      failure: run.failure,
      leave: () => run.leave(reader, call.signal.aborted ? GatewayError.from(call.signal.reason) : undefined),
    }
  }

  /** How a recording stands, taken back from disk when it is only there. */
  async function standingNow(tenant: string, ref: RecordingRef): Promise<Standing> {
    const name = recordingName(tenant, ref)
    const standing = await standingOf(name, sourceOf(ref))
    if (kept === undefined || standing.type === 'running' || standing.type === 'ended') return standing
    return (await kept.restore(tenant, ref.recording)) ? standingOf(name, sourceOf(ref)) : standing
  }

  /** What a mark on disk stands for; undefined when it stands for nothing any more, or its call begins just now. */
  async function markFrom(marked: Marked, key: Key): Promise<KeyMark | undefined> {
    const mark = markOf(marked, clock.now())
    refuseOther(mark, key)
    if (marked.state === 'ended') return mark
    if (marked.owner !== runs.instance.id) {
      if (await runs.isWritten(mark)) return mark
      return lostUnlessChanged(marked)
    }
    const { responseId } = marked
    const run = runs.running(responseId)
    if (run !== undefined && !run.isFree()) return mark
    // It has yet to begin, or to end, before the key can be asked for again.
    if (await (run?.over.then(() => true) ?? runs.begun(responseId))) return undefined
    if (await kept?.freeAgain(responseId)) return undefined
    return lostUnlessChanged(marked)
  }

  /** Its call may have come to its end since the mark was read: a busy process reads late. */
  async function lostUnlessChanged(marked: Marked): Promise<undefined> {
    if ((await kept?.stillRuns(marked)) !== false) throw unknownOutcome('lost')
  }

  /** Reads what a key stands for; undefined when it stands for nothing any more. */
  async function join(call: Call, mark: KeyMark, key: Key): Promise<Reading | undefined> {
    refuseOther(mark, key)
    const name = recordingName(call.caller.tenant, mark)
    const source = sourceOf(mark)
    const standing = await standingNow(call.caller.tenant, mark)
    if (standing.type === 'gone' || standing.type === 'lost') throw unknownOutcome(standing.type)
    const isEnded = standing.type === 'ended'
    if (isEnded && standing.ending.type === 'failed' && frees(standing.ending.error)) {
      // Whoever ran it is about to free the key, or died before that.
      await shared.swap(key.name, markBytes(mark), undefined, 1)
      return undefined
    }
    const run = runs.running(mark.recording)
    const leave = isEnded ? stay : await enter(name, mark)
    const ending = run?.ending()
    if (!isEnded && ending !== undefined) {
      // Only its end tells whether it is answered or to be asked anew.
      await leave()
      await ending
      return undefined
    }
    return {
      ref: mark,
      name,
      after: 0,
      from: 0,
      isReplay: isEnded,
      source,
      fault: unknownOutcome,
      failure: () => run?.failure(),
      leave,
    }
  }

  async function find({ caller: { tenant } }: Call, responseId: string): Promise<FoundStream> {
    if (!isId('resp', responseId)) throw notFound(responseId)
    const ref =
      (await readMark<RecordingRef>(shared, streamName(tenant, responseId))) ??
      (await kept?.stream(tenant, responseId, runs.isAlive))
    if (ref === undefined) throw notFound(responseId)
    const name = recordingName(tenant, ref)
    const source = sourceOf(ref)
    const standing = await standingNow(tenant, ref)
    if (standing.type === 'gone') throw notFound(responseId)
    return { ref, name, source, standing }
  }

  return {
    async ask(call, request) {
      const { idempotencyKey } = request
      const key =
        idempotencyKey === ''
          ? undefined
          : {
              text: idempotencyKey,
              name: keyName(call.caller.tenant, idempotencyKey),
              digest: digestOf(request),
            }
      for (;;) {
        let mark = key === undefined ? undefined : await readMark<KeyMark>(shared, key.name)
        if (mark === undefined) {
          const begun = await runs.begin(call, request, key)
          if (begun.type === 'begun') return first(call, begun)
          if (begun.type === 'taken') mark = begun.mark
          else mark = key && (await markFrom(begun.marked, key))
        }
        const joined = key && mark && (await join(call, mark, key))
        if (joined === undefined) continue
        call.admission?.giveBack()
        return joined
      }
    },
    async resume(call, responseId, after) {
      if (after < 0) throw new GatewayError('INVALID_REQUEST', 'after_sequence must not be negative')
      const { ref, name, source, standing } = await find(call, responseId)
      if (standing.type === 'ended' && after > standing.last) throw beyondEnd(after, standing.last)
      const run = runs.running(ref.recording)
      call.admission?.giveBack()
      return {
        ref,
        name,
        after,
        from: Math.min(after, standing.last),
        isReplay: false,
        source,
        fault: what =>
          what === 'lost'
            ? new GatewayError(
                'STREAM_LOST',
                'the process that ran the stream died, and nothing is run again',
              )
            : new GatewayError('STREAM_NOT_FOUND', `what follows event ${after} of it is not kept any more`),
        failure: () => run?.failure(),
        leave: standing.type === 'running' ? await enter(name, ref) : stay,
      }
    },
    find,
  }
}

/** Says that a stream has no event with such a number. */
export function beyondEnd(after: number, last: number): GatewayError {
  return new GatewayError('INVALID_REQUEST', `after_sequence is ${after}, and the stream ended with ${last}`)
}

function refuseOther({ digest }: KeyMark, key: Key): void {
  if (digest === key.digest) return
  throw new GatewayError(
    'IDEMPOTENCY_MISMATCH',
    'idempotency_key stands for another request; send that one again, or take a new key',
  )
}

async function stay(): Promise<void> {
  // Nothing waits for who reads what has ended.
}

function notFound(responseId: string): GatewayError {
  const id = responseId.length > 64 ? `${responseId.slice(0, 64)}…` : responseId
  return new GatewayError(
    'STREAM_NOT_FOUND',
    `no stream has the id ${JSON.stringify(id)}, or its resume_window is over`,
  )
}
