// Answers chats through recordings: retries join or replay, streams are resumed and cancelled, whoever asked may leave.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteRequest, CompleteResponseSchema, StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { collect } from '../client/collect.ts'
import { batched } from '../core/batched.ts'
import type { Call, ClientCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'
import type { Marks } from '../core/marks.ts'
import type { Shared } from '../core/shared.ts'
import type { Completion } from './complete.ts'
import { type EventInit, heartbeat } from './events.ts'
import { withHeartbeat } from './heartbeat.ts'
import { leaving } from './leaving.ts'
import { beyondEnd, createReadings, type Reading } from './recorded-reading.ts'
import { createRuns } from './recorded-runs.ts'
import { readRecording, type Step } from './recording.ts'
import { RECORDING_LIMITS, type RecordingLimits } from './recording-limits.ts'
import { runMessage } from './recording-run.ts'
import { isValidRequest } from './validate.ts'

/** What `createRecordedCompletion` needs. */
export interface RecordedCompletionDeps {
  /** Answers what is asked for the first time. */
  readonly completion: Completion
  readonly shared: Shared
  /** Marks that survive the process; absent: what was asked is forgotten with it. */
  readonly marks?: Marks | undefined
  readonly clock: Clock
  /** Silence after which a stream shows that it is alive, in milliseconds. */
  readonly heartbeatMs: number
  /** Takes what goes wrong with the shared state while nobody waits for it. */
  readonly onFault: (fault: unknown) => void
  readonly limits?: RecordingLimits
}

/** Answers chats, also to those who come back. Everything throws GatewayError. */
export interface RecordedCompletion {
  /** The whole answer. */
  complete(
    call: ClientCall,
    request: CompleteRequest,
  ): Promise<MessageInitShape<typeof CompleteResponseSchema>>
  /** The answer as events: `completed` is the last one, or it throws. */
  stream(call: ClientCall, request: CompleteRequest): AsyncGenerator<EventInit>
  /**
   * The events of a stream after a number, kept ones first. Throws INVALID_REQUEST, STREAM_NOT_FOUND, STREAM_LOST, or what
   * the stream failed with.
   */
  resume(
    call: Call,
    asked: { readonly responseId: string; readonly afterSequence: number },
  ): AsyncGenerator<EventInit>
  /** Ends a stream, and waits until it is settled. Says whether it was this call that ended it. Throws STREAM_NOT_FOUND. */
  cancel(call: Call, asked: { readonly responseId: string }): Promise<{ cancelled: boolean }>
  /** Stops its timers. Calls that run are not ended. */
  close(): void
}

/** Puts recordings around a completion. A request without `idempotency_key` and `resume_window` goes straight through. */
export function createRecordedCompletion(deps: RecordedCompletionDeps): RecordedCompletion {
  const { completion, shared, marks, clock, heartbeatMs, onFault, limits = RECORDING_LIMITS } = deps
  const runs = createRuns({ completion, shared, marks, clock, limits, onFault })
  const readings = createReadings({ runs, kept: runs.kept, shared, clock, limits, onFault })

  /** Opens and reads, with a sign of life in every silence. */
  function beating(call: Call, open: () => Promise<Reading>): AsyncGenerator<EventInit> {
    const { signal, leave, over } = leaving(call.signal)
    let startedAt = clock.now() - (clock.monotonic() - call.startedAtMs)
    const opened = async (): Promise<Reading> => {
      const reading = await open()
      startedAt = reading.ref.startedAt
      return reading
    }
    return batched(
      withHeartbeat(read(call, opened, signal), {
        everyMs: heartbeatMs,
        sign: () => [heartbeat(Math.max(0, clock.now() - startedAt))],
        leave,
        over,
      }),
    )
  }

  return {
    async complete(call, request) {
      if (!isRecorded(request)) return completion.complete(call, request)
      return collect(batched(read(call, () => readings.ask(call, request), call.signal)))
    },
    stream(call, request) {
      if (!isRecorded(request)) return completion.stream(call, request)
      return beating(call, () => readings.ask(call, request))
    },
    resume: (call, { responseId, afterSequence }) =>
      beating(call, async () => {
        const reading = await readings.resume(call, responseId, afterSequence)
        call.note({ responseId })
        return reading
      }),
    async cancel(call, { responseId }) {
      const { name, source, standing } = await readings.find(call, responseId)
      call.note({ responseId })
      if (standing.type !== 'running') return { cancelled: false }
      const by = uuidv7(clock.now())
      await shared.publish(name, runMessage({ type: 'cancel', by }))
      for await (const step of readRecording(name, standing.last, source, call.signal)) {
        if (step.type === 'end')
          return { cancelled: step.ending.type === 'failed' && step.ending.cancelledBy === by }
      }
      return { cancelled: false }
    },
    close: runs.close,
  }
}

/** Reads to the end, and leaves in any case. */
async function* read(
  call: Call,
  open: () => Promise<Reading>,
  signal: AbortSignal,
): AsyncGenerator<readonly EventInit[]> {
  const { name, after, from, isReplay, source, fault, failure, leave } = await open()
  let last = from
  if (isReplay) call.note({ isReplayed: true })
  try {
    for await (const steps of readRecording(name, from, source, signal).batches()) {
      const events: StreamEvent[] = []
      let stopped: Exclude<Step, { type: 'event' }> | undefined
      for (const step of steps) {
        if (step.type !== 'event') {
          stopped = step
          break
        }
        last = step.event.sequence
        if (last <= after) continue
        note(call, step.event)
        events.push(isReplay ? replayed(step.event) : step.event)
      }
      if (events.length > 0) yield events
      if (stopped === undefined) continue
      if (stopped.type !== 'end') throw failure() ?? fault(stopped.type)
      if (last < after) throw beyondEnd(after, last)
      if (stopped.ending.type === 'failed') throw failure() ?? stopped.ending.error
      return
    }
  } finally {
    await leave()
  }
}

/** Whether a request asks for a recording. One that breaks a rule is refused where all of them are, and never becomes one. */
function isRecorded(request: CompleteRequest): boolean {
  const { idempotencyKey, resumeWindow } = request
  const isResumable = resumeWindow !== undefined && (resumeWindow.seconds !== 0n || resumeWindow.nanos !== 0)
  return (idempotencyKey !== '' || isResumable) && isValidRequest(request)
}

function note(call: Call, { event }: StreamEvent): void {
  if (event.case !== 'started') return
  const { responseId, provider, model } = event.value
  call.note({ responseId, provider, model })
}

/** The event was read from bytes for this reader alone, so it may be changed. */
function replayed(event: StreamEvent): StreamEvent {
  if (event.event.case === 'completed' && event.event.value.response !== undefined)
    event.event.value.response.replayed = true
  return event
}
