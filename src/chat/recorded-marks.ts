// What is known of recordings after their process has died: marks on disk, and recordings that are taken back from there.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Marked, Marks } from '../core/marks.ts'
import type { Shared } from '../core/shared.ts'
import { keptOf } from './recording-kept.ts'
import {
  type KeyMark,
  keyName,
  markBytes,
  type RecordingRef,
  recordingName,
  streamName,
} from './recording-names.ts'

/** What `createKeptMarks` needs. */
export interface KeptMarksDeps {
  readonly marks: Marks
  readonly shared: Shared
  readonly clock: Clock
  /** Called with what a recording that was taken back weighs in memory, in bytes, until some time on the wall clock. */
  readonly onTaken: (tenant: string, name: string, sizeBytes: number, untilMs: number) => void
  readonly onFault: (fault: unknown) => void
}

/** A call that is about to be recorded. */
export interface MarkedCall {
  readonly tenant: string
  readonly ref: RecordingRef
  /** Empty: it has none. */
  readonly key: string
  readonly digest: string
  /** In milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

/** Marks of recordings. Everything throws what the store throws. */
export interface KeptMarks {
  /** Sets the mark of a call. Gives the one that stands under its key; undefined: it is set, and safe. */
  begin(call: MarkedCall): Promise<Marked | undefined>
  /** Forgets the mark of a call that was not settled. Never rejects: what fails is tried again when somebody asks for it. */
  free(responseId: string): Promise<void>
  /** Forgets a mark whose forgetting has failed before; false when there is no such one. */
  freeAgain(responseId: string): Promise<boolean>
  /** Whether the mark of a running call, read some time ago, still says so. */
  stillRuns(marked: Marked): Promise<boolean>
  /** Puts an ended recording back to where it can be read; false when its call is not known to have ended. */
  restore(tenant: string, responseId: string): Promise<boolean>
  /** A stream that is known by the id of its answer, put back to where it can be read; undefined when there is none. */
  stream(
    tenant: string,
    responseId: string,
    isAlive: (instance: string) => Promise<boolean> | boolean,
  ): Promise<RecordingRef | undefined>
}

/** What an entry takes in memory beside its bytes. */
const ENTRY_BYTES = 200
/** How long it is known that a stream was lost, from each question on, in milliseconds. */
const LOST_MS = 60_000

/** Makes them. */
export function createKeptMarks({ marks, shared, clock, onTaken, onFault }: KeptMarksDeps): KeptMarks {
  const owed = new Set<string>()
  const restoring = new Map<string, Promise<boolean>>()

  /** Nothing is put back twice at once: its log would have every entry twice. */
  function once(name: string, work: () => Promise<boolean>): Promise<boolean> {
    const running = restoring.get(name) ?? work().finally(() => restoring.delete(name))
    restoring.set(name, running)
    return running
  }

  async function putBack(marked: Marked & { state: 'ended' }): Promise<boolean> {
    const { tenant, key, expiresAt } = marked
    const { startedAt, streamUntil, entries } = keptOf(marked.body)
    if (entries === undefined) return false
    const mark = markOf(marked, startedAt)
    const name = recordingName(tenant, mark)
    const leftMs = Math.max(1, expiresAt - clock.now())
    await shared.remove(name)
    await shared.append(name, entries, leftMs)
    const sizeBytes = entries.reduce((sum, { byteLength }) => sum + byteLength + ENTRY_BYTES, 0)
    onTaken(tenant, name, sizeBytes, expiresAt)
    if (key !== '') await shared.claim(keyName(tenant, key), markBytes(mark), leftMs)
    const streamMs = streamUntil - clock.now()
    if (streamMs > 0)
      await shared.set(streamName(tenant, marked.responseId), markBytes(refOf(mark)), streamMs)
    return true
  }

  return {
    begin: ({ tenant, ref, key, digest, expiresAt }) =>
      marks.begin({
        responseId: ref.recording,
        tenant,
        key,
        fingerprint: digest,
        owner: ref.instance,
        expiresAt,
      }),
    async free(responseId) {
      try {
        await marks.free(responseId)
      } catch (fault) {
        owed.add(responseId)
        onFault(fault)
      }
    },
    async freeAgain(responseId) {
      if (!owed.has(responseId)) return false
      await marks.free(responseId)
      owed.delete(responseId)
      return true
    },
    stillRuns: async ({ tenant, responseId }) =>
      (await marks.byResponse(tenant, responseId))?.state === 'running',
    restore: (tenant, responseId) =>
      once(`${tenant} ${responseId}`, async () => {
        const marked = await marks.byResponse(tenant, responseId)
        return marked?.state === 'ended' && putBack(marked)
      }),
    async stream(tenant, responseId, isAlive) {
      const marked = await marks.byResponse(tenant, responseId)
      if (marked === undefined) return undefined
      if (marked.state === 'ended') {
        const { startedAt, streamUntil } = keptOf(marked.body)
        if (streamUntil <= clock.now()) return undefined
        const isBack = await once(`${tenant} ${responseId}`, () => putBack(marked))
        return isBack ? refOf(markOf(marked, startedAt)) : undefined
      }
      if (await isAlive(marked.owner)) return undefined
      const ref = refOf(markOf(marked, clock.now()))
      // What it had told died with it: an empty log, in which nothing will be written any more.
      await shared.append(recordingName(tenant, ref), [], LOST_MS)
      return ref
    },
  }
}

/** What a mark on disk says, in the form in which processes tell each other. */
export function markOf({ responseId, owner, fingerprint }: Marked, startedAt: number): KeyMark {
  return { recording: responseId, instance: owner, startedAt, digest: fingerprint }
}

function refOf({ recording, instance, startedAt }: KeyMark): RecordingRef {
  return { recording, instance, startedAt }
}

/** Says that nobody knows how the call of a key has ended, or that its answer is not kept any more. */
export function unknownOutcome(what: 'lost' | 'gone'): GatewayError {
  return new GatewayError(
    'OUTCOME_UNKNOWN',
    what === 'lost'
      ? 'the process that ran the call of this idempotency_key died; take a new key to ask again'
      : 'the answer to this idempotency_key is not kept any more; take a new key to ask again',
  )
}
