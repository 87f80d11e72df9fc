// A call that is recorded while it runs: detached from whoever reads it, and ended when nobody may come back to read it.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { batchesOf } from '../core/batched.ts'
import type { Call, DetachedCall, RecordedEnd } from '../core/call.ts'
import { GatewayError } from '../core/errors.ts'
import type { WarningInit } from '../core/provider.ts'
import type { Ending as MarkEnding } from '../core/settlement.ts'
import type { Shared } from '../core/shared.ts'
import type { EventInit } from './events.ts'
import type { Recorder } from './recording.ts'
import type { Ending } from './recording-entry.ts'
import { keptBytes, lastEntries, withWarnings } from './recording-kept.ts'
import type { RecordingRef } from './recording-names.ts'

/** What readers, wherever they are, tell a running recording. */
export type RunMessage =
  | { readonly type: 'enter' | 'leave'; readonly reader: string; readonly instance: string }
  | { readonly type: 'cancel'; readonly by: string }

/** What a run needs. */
export interface RunDeps {
  readonly shared: Shared
  /** The events of the answer. */
  readonly stream: (call: Call, request: CompleteRequest) => AsyncGenerator<EventInit>
  readonly work: DetachedCall
  readonly request: CompleteRequest
  readonly ref: RecordingRef
  /** Topic under which readers tell what they do. */
  readonly topic: string
  readonly recorder: Recorder
  /** How long the call goes on without a reader, in milliseconds. */
  readonly windowMs: number
  /** The reader that is there from the start. */
  readonly reader: string
  /** Warnings that stand before those of the answer. */
  readonly warnings: readonly WarningInit[]
  /** Called with the id of the answer, before anybody can have read it. */
  readonly onStarted: (responseId: string) => void
  /**
   * Called when the call is settled: until when its mark and, by the id of its answer, its stream are kept, in milliseconds
   * since the Unix epoch; 0: not at all. Absent: no mark was set.
   */
  readonly onSettle?:
    | ((end: { readonly isFree: boolean; readonly isWindowOver: boolean }) => {
        readonly keptUntil: number
        readonly streamUntil: number
      })
    | undefined
  /** Called when the idempotency key is to be free again; before the upstream is cancelled, if it is. */
  readonly onFree: () => void
  /** Called after a failure that frees the key, whether it could be settled or not. Never rejects. */
  readonly onFreed: () => Promise<void>
  /** Called before the ending is kept; gives how long everything is kept from then on, in milliseconds. */
  readonly onEnd: (end: { readonly isFree: boolean; readonly isWindowOver: boolean }) => number
  /** Called when it is over. */
  readonly onOver: () => void
}

/** A running recording in this process. */
export interface Run {
  readonly tenant: string
  /** A reader is gone; the reason is for the call, if it ends for that. Resolves then when it is settled, else at once. */
  leave(reader: string, reason?: GatewayError): Promise<void>
  /** Lets go of readers whose processes are dead. */
  dropDead(isAlive: (instance: string) => Promise<boolean>): Promise<void>
  /** Ends it. The first reason counts. */
  stop(reason: GatewayError): void
  /** Whether its idempotency key is free again, though it may still be ending. */
  isFree(): boolean
  /** Resolves when it is settled and its ending is kept. */
  readonly over: Promise<void>
  /** How it failed, with the cause that a recording does not keep. */
  failure(): GatewayError | undefined
  /** When it is being ended: resolves when it is over. */
  ending(): Promise<void> | undefined
}

/** Whether a failed call may be tried again under the same idempotency key: nothing was answered, or nobody wanted it. */
export function frees({ code }: GatewayError): boolean {
  return code === 'UNAVAILABLE' || code === 'RESOURCE_EXHAUSTED' || code === 'CANCELLED'
}

/** A message of a reader as bytes. */
export function runMessage(message: RunMessage): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

/** Starts a run; it goes on by itself until `onOver`. */
export function startRun(deps: RunDeps): Run {
  const { shared, work, recorder, windowMs } = deps
  const readers = new Map([[deps.reader, deps.ref.instance]])
  const over = Promise.withResolvers<void>()
  let leaving: NodeJS.Timeout | undefined
  let cancelledBy: string | undefined
  let failure: GatewayError | undefined
  let isFree = false
  let isWindowOver = false
  let isOver = false
  let warnings = 0

  function free(): void {
    if (isFree) return
    isFree = true
    deps.onFree()
  }

  function stop(reason: GatewayError, by?: string): void {
    if (isOver || work.signal.aborted) return
    cancelledBy = by
    work.abort(reason)
  }

  async function leave(
    reader: string,
    reason = new GatewayError('CANCELLED', 'every reader has left'),
  ): Promise<void> {
    if (!readers.delete(reader) || readers.size > 0 || isOver) return
    if (windowMs === 0) {
      stop(reason)
      await over.promise
      return
    }
    leaving = setTimeout(() => {
      isWindowOver = true
      stop(new GatewayError('CANCELLED', 'nobody came back within the resume_window'))
    }, windowMs).unref()
  }

  const unsubscribe = shared.subscribe(deps.topic, bytes => {
    // Only readers of this service write to this topic.
    const message: RunMessage = JSON.parse(Buffer.from(bytes).toString())
    switch (message.type) {
      case 'enter':
        clearTimeout(leaving)
        readers.set(message.reader, message.instance)
        break
      case 'leave':
        void leave(message.reader)
        break
      case 'cancel':
        stop(new GatewayError('CANCELLED', 'the stream was cancelled with CancelStream'), message.by)
        break
      default:
        message satisfies never
    }
  })

  function keep(event: EventInit): void {
    if (event.event?.case === 'heartbeat') return
    if (event.event?.case === 'started') deps.onStarted(event.event.value.responseId ?? '')
    if (event.event?.case === 'warning') warnings += 1
    recorder.keep(withWarnings(event, deps.warnings))
    if (event.event?.case !== 'started') return
    for (const value of deps.warnings) recorder.keep({ event: { case: 'warning', value } })
  }

  /** All events before the end are kept by now: whoever settles asks when they have been read. */
  function settled(end: RecordedEnd): MarkEnding | undefined {
    if (deps.onSettle === undefined) return undefined
    const isFreed = end.type === 'failed' && frees(end.error)
    const { keptUntil, streamUntil } = deps.onSettle({ isFree: isFreed, isWindowOver })
    if (keptUntil === 0) return { type: 'freed' }
    const before = recorder.entries()
    const told = { events: recorder.last(), warnings, more: deps.warnings }
    const entries = before && [...before, ...lastEntries(end, told, cancelledBy)]
    const { startedAt } = deps.ref
    return { type: 'kept', body: keptBytes({ startedAt, streamUntil, entries }), expiresAt: keptUntil }
  }

  /** The call as it is answered: without its handles, and with its recording. */
  function recordedCall(): Call {
    const { id, caller, startedAtMs, deadlineAtMs, signal, note } = work
    const recording = { responseId: deps.ref.recording, ending: settled }
    return { id, caller, startedAtMs, deadlineAtMs, signal, note, recording }
  }

  async function run(): Promise<Ending> {
    try {
      for await (const events of batchesOf(deps.stream(recordedCall(), deps.request)))
        for (const event of events) keep(event)
      return { type: 'completed' }
    } catch (caught) {
      failure = GatewayError.from(caught)
      return { type: 'failed', error: failure, ...(cancelledBy === undefined ? {} : { cancelledBy }) }
    }
  }

  async function runToEnd(): Promise<void> {
    const ending = await run()
    isOver = true
    clearTimeout(leaving)
    unsubscribe()
    if (failure !== undefined && frees(failure)) {
      free()
      await deps.onFreed()
    }
    recorder.end(ending, deps.onEnd({ isFree, isWindowOver }))
    work.close(failure)
    deps.onOver()
    over.resolve()
  }

  void runToEnd()
  return {
    tenant: work.caller.tenant,
    leave,
    async dropDead(isAlive) {
      for (const [reader, instance] of readers)
        if (instance !== deps.ref.instance && !(await isAlive(instance))) void leave(reader)
    },
    stop,
    isFree: () => isFree,
    over: over.promise,
    failure: () => failure,
    ending: () => (work.signal.aborted ? over.promise : undefined),
  }
}
