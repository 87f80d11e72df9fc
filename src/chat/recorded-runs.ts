// The recordings that this process makes: how they begin, how many there may be, and how long each is kept.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { ClientCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { newId, uuidv7 } from '../core/ids.ts'
import type { Marked, Marks } from '../core/marks.ts'
import type { Shared } from '../core/shared.ts'
import type { Completion } from './complete.ts'
import { createKeptMarks, type KeptMarks } from './recorded-marks.ts'
import { createRecorder, type Recorder } from './recording.ts'
import { createInstance, type Instance } from './recording-instance.ts'
import type { RecordingLimits } from './recording-limits.ts'
import {
  type KeyMark,
  markBytes,
  markOf,
  type RecordingRef,
  recordingName,
  streamName,
} from './recording-names.ts'
import { createRoom } from './recording-room.ts'
import { type Run, startRun } from './recording-run.ts'
import { windowOf } from './resume-window.ts'
import { RESUME_WINDOW_MAX_MS } from './validate.ts'

/** What `createRuns` needs. */
export interface RunsDeps {
  readonly completion: Completion
  readonly shared: Shared
  /** Marks that survive the process; absent: none do. */
  readonly marks?: Marks | undefined
  readonly clock: Clock
  readonly limits: RecordingLimits
  /** Takes what goes wrong with the shared state while nobody waits for it. */
  readonly onFault: (fault: unknown) => void
}

/** A recording that has begun. */
export interface Begun {
  readonly type: 'begun'
  readonly ref: RecordingRef
  readonly run: Run
  /** The reader that it began with. */
  readonly reader: string
}

/** The key was taken before we came. */
export interface Taken {
  readonly type: 'taken'
  readonly mark: KeyMark
}

/** The key was taken before this process began, or by a call of it that is beginning or ending. */
export interface MarkedBefore {
  readonly type: 'marked'
  readonly marked: Marked
}

/** An idempotency key in use: as it was sent, the name of its mark, and the digest of the request. */
export interface Key {
  readonly text: string
  readonly name: string
  readonly digest: string
}

/** The recordings that this process makes. */
export interface Runs {
  /** This process, which shows that it is alive while it runs recordings. */
  readonly instance: Pick<Instance, 'id' | 'hold' | 'release'>
  /** What is known after a process has died; absent: nothing. */
  readonly kept: KeptMarks | undefined
  /** Begins a recorded call. Nobody is asked before the key is ours. Throws TOO_MANY_CALLS. */
  begin(call: ClientCall, request: CompleteRequest, key?: Key): Promise<Begun | Taken | MarkedBefore>
  /** A recording that runs here. */
  running(recording: string): Run | undefined
  /** Resolves with true when a call that is beginning here has begun, or failed to; with false when there is no such one. */
  begun(recording: string): Promise<boolean>
  /** Whether the process with this id still runs, as far as others can see. */
  isAlive(instance: string): Promise<boolean> | boolean
  /** Whether the process that makes a recording still does. */
  isWritten(ref: RecordingRef): Promise<boolean> | boolean
  /** Shows no sign of life any more. */
  close(): void
}

/** Makes an empty register. */
export function createRuns({ completion, shared, marks, clock, limits, onFault }: RunsDeps): Runs {
  const runs = new Map<string, Run>()
  const beginning = new Map<string, Promise<unknown>>()
  const log = createRoom({ clock, max: limits.keptBytesMax })
  const keys = createRoom({ clock, max: limits.keysMax })
  const instance = createInstance({
    shared,
    clock,
    aliveMs: limits.aliveMs,
    onSign: () => {
      for (const run of runs.values()) run.dropDead(instance.isAlive).catch(onFault)
    },
    onFault,
  })
  const quietly = (work: Promise<unknown>): void => void work.catch(onFault)
  const removeAll = (names: readonly string[]): void => {
    for (const name of names) quietly(shared.remove(name))
  }

  const kept =
    marks &&
    createKeptMarks({
      marks,
      shared,
      clock,
      onTaken: (tenant, name, sizeBytes, until) =>
        removeAll(log.add(tenant, name, sizeBytes, clock.monotonic() + until - clock.now())),
      onFault,
    })

  function refuseWhenFull(tenant: string): void {
    const own = [...runs.values()].filter(run => run.tenant === tenant).length
    if (own < limits.tenantRunsMax && runs.size < limits.runsMax) return
    throw new GatewayError(
      'TOO_MANY_CALLS',
      `${own} calls with an idempotency_key or a resume_window are running; wait until one has ended`,
    )
  }

  function start(call: ClientCall, request: CompleteRequest, place: Place, key: Key | undefined): Begun {
    const { tenant } = call.caller
    const { ref, topic, recorder, runningMs } = place
    const { windowMs, warnings } = windowOf(request)
    const reader = uuidv7(clock.now())
    const work = call.detach()
    let stream: string | undefined
    const run = startRun({
      shared,
      stream: completion.stream,
      work,
      request,
      ref,
      topic,
      recorder,
      windowMs,
      reader,
      warnings,
      onStarted: responseId => {
        stream = streamName(tenant, responseId)
        quietly(shared.set(stream, markBytes(ref), runningMs))
      },
      onSettle:
        kept &&
        (({ isFree, isWindowOver }) => {
          const streamUntil = windowMs > 0 && !isWindowOver && !isFree ? clock.now() + windowMs : 0
          const keyUntil = key === undefined || isFree ? 0 : ref.startedAt + limits.keyMs
          return { streamUntil, keptUntil: Math.max(streamUntil, keyUntil) }
        }),
      onFreed: async () => kept?.free(ref.recording),
      onFree: () => {
        if (key === undefined) return
        quietly(
          shared.swap(key.name, keyBytes(ref, key), undefined, limits.keyMs).then(isOurs => {
            if (isOurs) keys.remove(tenant, key.name)
          }),
        )
      },
      onEnd: ({ isFree, isWindowOver }) => {
        const shortMs = Math.max(windowMs, limits.readersMs, work.deadlineAtMs - clock.monotonic())
        const keyLeftMs = ref.startedAt + limits.keyMs - clock.now()
        const keepMs = key === undefined || isFree ? shortMs : Math.max(keyLeftMs, shortMs)
        removeAll(log.add(tenant, topic, recorder.sizeBytes(), clock.monotonic() + keepMs))
        if (stream !== undefined) {
          const isOver = windowMs === 0 || isWindowOver
          quietly(isOver ? shared.remove(stream) : shared.set(stream, markBytes(ref), windowMs))
        }
        return keepMs
      },
      onOver: () => {
        runs.delete(ref.recording)
        instance.release()
      },
    })
    runs.set(ref.recording, run)
    return { type: 'begun', ref, run, reader }
  }

  /** Makes the key ours, on disk and for everybody; gives who has it, if somebody does. */
  async function takeKey(tenant: string, ref: RecordingRef, runningMs: number, key: Key | undefined) {
    const expiresAt = ref.startedAt + (key === undefined ? runningMs : limits.keyMs)
    const { text, digest } = key ?? { text: '', digest: '' }
    const marked = await kept?.begin({ tenant, ref, key: text, digest, expiresAt })
    if (marked !== undefined) return { type: 'marked', marked } as const
    if (key === undefined) return undefined
    try {
      const before = await shared.claim(key.name, keyBytes(ref, key), limits.keyMs)
      if (before === undefined) {
        removeAll(keys.add(tenant, key.name, 1, clock.monotonic() + limits.keyMs))
        return undefined
      }
      await kept?.free(ref.recording)
      return { type: 'taken', mark: markOf<KeyMark>(before) } as const
    } catch (caught) {
      await kept?.free(ref.recording)
      throw caught
    }
  }

  async function begin(
    call: ClientCall,
    request: CompleteRequest,
    key: Key | undefined,
    recording: string,
  ): Promise<Begun | Taken | MarkedBefore> {
    const { tenant } = call.caller
    const ref = { recording, instance: instance.id, startedAt: clock.now() }
    const topic = recordingName(tenant, ref)
    const leftMs = call.deadlineAtMs - clock.monotonic()
    const runningMs =
      key === undefined
        ? Math.max(leftMs, 0) + RESUME_WINDOW_MAX_MS + limits.readersMs
        : limits.keyMs + limits.readersMs
    const recorder = createRecorder({
      shared,
      log: topic,
      runningMs,
      bytesMax: limits.bytesMax,
      isKept: kept !== undefined,
      onFault: fault => {
        onFault(fault)
        // What cannot be kept can be read by nobody, not even by its first reader.
        runs.get(recording)?.stop(GatewayError.from(fault))
      },
    })
    const held = instance.hold()
    try {
      // The empty log is there before the key is ours: a key that is taken and has no log has lost it.
      await Promise.all([held, recorder.open()])
      const before = await takeKey(tenant, ref, runningMs, key)
      if (before === undefined) return start(call, request, { ref, topic, recorder, runningMs }, key)
      quietly(shared.remove(topic))
      instance.release()
      return before
    } catch (caught) {
      quietly(shared.remove(topic))
      instance.release()
      throw caught
    }
  }

  return {
    instance,
    kept,
    async begin(call, request, key) {
      refuseWhenFull(call.caller.tenant)
      const recording = newId('resp', clock.now())
      const begun = begin(call, request, key, recording)
      beginning.set(recording, begun)
      try {
        return await begun
      } finally {
        beginning.delete(recording)
      }
    },
    async begun(recording) {
      const begun = beginning.get(recording)
      await begun?.catch(() => undefined)
      return begun !== undefined
    },
    isAlive: id => id === instance.id || instance.isAlive(id),
    running: recording => runs.get(recording),
    isWritten: ref =>
      ref.instance === instance.id
        ? runs.has(ref.recording) || beginning.has(ref.recording)
        : instance.isAlive(ref.instance),
    close: instance.close,
  }
}

interface Place {
  readonly ref: RecordingRef
  readonly topic: string
  readonly recorder: Recorder
  readonly runningMs: number
}

function keyBytes(ref: RecordingRef, { digest }: Key): Uint8Array {
  return markBytes({ ...ref, digest })
}
