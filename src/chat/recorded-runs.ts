// The recordings that this process makes: how they begin, how many there may be, and how long each is kept.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { ClientCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { uuidv7 } from '../core/ids.ts'
import type { WarningInit } from '../core/provider.ts'
import type { Shared } from '../core/shared.ts'
import { millisecondsOf } from '../core/time.ts'
import type { Completion } from './complete.ts'
import { createRecorder, type Recorder } from './recording.ts'
import { createInstance, type Instance } from './recording-instance.ts'
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
import { RESUME_WINDOW_MAX_MS } from './validate.ts'

/** How much is recorded and for how long. Bytes, counts and milliseconds. */
export interface RecordingLimits {
  /** What one recording takes; beyond it the events from its start are forgotten. 48 MiB are some 200,000 events. */
  readonly bytesMax: number
  /** What all ended recordings of this process take; beyond it the oldest of the tenant that keeps most are removed. */
  readonly keptBytesMax: number
  /** Idempotency keys of this process that are remembered. */
  readonly keysMax: number
  /** Calls that are recorded at once in this process. */
  readonly runsMax: number
  /** How many of them one tenant may have. */
  readonly tenantRunsMax: number
  /** How long an idempotency key stands for its request. */
  readonly keyMs: number
  /** How long what has ended is kept at least, for those who are still reading it. */
  readonly readersMs: number
  /** After what time without a sign of life a process is taken for dead. */
  readonly aliveMs: number
}

/** The limits of a service. */
export const RECORDING_LIMITS: RecordingLimits = {
  bytesMax: 48 * 1024 * 1024,
  keptBytesMax: 128 * 1024 * 1024,
  keysMax: 50_000,
  runsMax: 2_000,
  tenantRunsMax: 1_000,
  keyMs: 24 * 60 * 60 * 1000,
  readersMs: 60_000,
  aliveMs: 15_000,
}

/** What `createRuns` needs. */
export interface RunsDeps {
  readonly completion: Completion
  readonly shared: Shared
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

/** An idempotency key in use: the name of its mark, and the digest of the request. */
export interface Key {
  readonly name: string
  readonly digest: string
}

/** The recordings that this process makes. */
export interface Runs {
  /** This process, which shows that it is alive while it runs recordings. */
  readonly instance: Pick<Instance, 'id' | 'hold' | 'release'>
  /** Begins a recorded call. Nobody is asked before the key is ours. Throws TOO_MANY_CALLS. */
  begin(call: ClientCall, request: CompleteRequest, key?: Key): Promise<Begun | Taken>
  /** A recording that runs here. */
  running(recording: string): Run | undefined
  /** Whether the process that makes a recording still does. */
  isWritten(ref: RecordingRef): Promise<boolean> | boolean
  /** Shows no sign of life any more. */
  close(): void
}

/** Makes an empty register. */
export function createRuns({ completion, shared, clock, limits, onFault }: RunsDeps): Runs {
  const runs = new Map<string, Run>()
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

  return {
    instance,
    async begin(call, request, key) {
      const { tenant } = call.caller
      refuseWhenFull(tenant)
      const ref = { recording: uuidv7(clock.now()), instance: instance.id, startedAt: clock.now() }
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
        onFault: fault => {
          onFault(fault)
          // What cannot be kept can be read by nobody, not even by its first reader.
          runs.get(ref.recording)?.stop(GatewayError.from(fault))
        },
      })
      const held = instance.hold()
      try {
        // The empty log is there before the key is ours: a key that is taken and has no log has lost it.
        await Promise.all([held, recorder.open()])
        if (key !== undefined) {
          const before = await shared.claim(key.name, keyBytes(ref, key), limits.keyMs)
          if (before !== undefined) {
            quietly(shared.remove(topic))
            instance.release()
            return { type: 'taken', mark: markOf<KeyMark>(before) }
          }
          removeAll(keys.add(tenant, key.name, 1, clock.monotonic() + limits.keyMs))
        }
      } catch (caught) {
        instance.release()
        throw caught
      }
      return start(call, request, { ref, topic, recorder, runningMs }, key)
    },
    running: recording => runs.get(recording),
    isWritten: ref =>
      ref.instance === instance.id ? runs.has(ref.recording) : instance.isAlive(ref.instance),
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

function windowOf({ resumeWindow }: CompleteRequest): {
  readonly windowMs: number
  readonly warnings: readonly WarningInit[]
} {
  const windowMs = resumeWindow === undefined ? 0 : millisecondsOf(resumeWindow)
  if (windowMs <= RESUME_WINDOW_MAX_MS) return { windowMs, warnings: [] }
  const message = `${RESUME_WINDOW_MAX_MS / 1000} s: the longest that a call lives on after its client has left`
  return {
    windowMs: RESUME_WINDOW_MAX_MS,
    warnings: [{ reason: Warning_Reason.CLAMPED, field: 'resume_window', message }],
  }
}
