// A stream that goes on where it was when its connection breaks: every event once, in order, asked and paid once.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type Client, Code, ConnectError } from '@connectrpc/connect'
import type {
  ChatService,
  CompleteRequest,
  CompleteRequestSchema,
  StreamEvent,
} from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { durationOf } from '../core/time.ts'
import { errorInfoOf, isBrokenConnection, isPassing } from './error-info.ts'
import { delayAfter, type Patience, wait } from './patience.ts'
import { callOptions, withKey } from './retry.ts'

/** How patient a stream is. `attempts` counts the failures in a row without any new event. */
export interface StreamPatience extends Patience {
  /** How long the gateway goes on without its reader, in milliseconds, up to 600,000. Default: 120,000. */
  readonly resumeWindowMs?: number
  /** After so long without an event or a heartbeat, which comes every 10 s, the connection counts as broken. Default: 45,000. */
  readonly silenceMs?: number
}

type StreamingChat = Pick<Client<typeof ChatService>, 'streamComplete' | 'resumeStream'>

const DEFAULT_WINDOW_MS = 120_000
const DEFAULT_SILENCE_MS = 45_000

/** How far a stream has come. */
interface Progress {
  responseId: string
  sequence: number
  failures: number
}

/**
 * Streams an answer to its end, through broken connections and restarts of a replica. Before the first event it asks again with
 * the same `idempotency_key`, later it resumes. Heartbeats come through as they are. Throws the ConnectError with which the
 * gateway ended the stream, that of the last attempt, or the signal's reason.
 */
export async function* streamWithResume(
  chat: StreamingChat,
  request: MessageInitShape<typeof CompleteRequestSchema>,
  patience: StreamPatience = {},
): AsyncGenerator<StreamEvent, void, undefined> {
  const asked = withKey(request)
  asked.resumeWindow ??= {
    ...durationOf(patience.resumeWindowMs ?? DEFAULT_WINDOW_MS),
    $typeName: 'google.protobuf.Duration',
  }
  const progress: Progress = { responseId: '', sequence: 0, failures: 0 }
  for (;;) {
    let broke: unknown
    try {
      if (yield* readOn(chat, asked, { progress, patience })) return
      broke = new ConnectError('the stream ended without its last event', Code.Unavailable)
    } catch (error) {
      broke = error
    }
    progress.failures += 1
    const isOver = patience.signal?.aborted || !mayGoOn(broke, progress)
    const delayMs = isOver ? undefined : delayAfter(progress.failures, broke, patience)
    if (delayMs === undefined) throw broke
    await wait(delayMs, patience.signal)
  }
}

/** Reads on from where the stream is. True: it has come to its end. */
async function* readOn(
  chat: StreamingChat,
  asked: CompleteRequest,
  { progress, patience }: { readonly progress: Progress; readonly patience: StreamPatience },
): AsyncGenerator<StreamEvent, boolean, undefined> {
  const silence = watchSilence(patience.silenceMs ?? DEFAULT_SILENCE_MS)
  const { signal } = patience
  const options = {
    ...callOptions(patience),
    signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]),
  }
  const { responseId, sequence } = progress
  const events =
    responseId === ''
      ? chat.streamComplete(asked, options)
      : chat.resumeStream({ responseId, afterSequence: sequence }, options)
  try {
    for await (const event of events) {
      silence.heard()
      if (event.sequence > 0) {
        // Who joins a running call may be told the beginning again.
        if (event.sequence <= progress.sequence) continue
        progress.sequence = event.sequence
        progress.failures = 0
      }
      if (event.event.case === 'started') progress.responseId = event.event.value.responseId
      // What the reader does meanwhile is no silence of the gateway's.
      silence.stop()
      yield event
      silence.heard()
      if (event.event.case === 'completed') return true
    }
    return false
  } finally {
    silence.stop()
  }
}

function mayGoOn(error: unknown, { responseId }: Progress): boolean {
  return responseId === '' ? isPassing(error) : isBrokenConnection(error) || isOnlyReading(error)
}

/** Whether only the reading was ended: the replica leaves, or it took a slow reader for a dead one. What it kept can be read on. */
function isOnlyReading(error: unknown): boolean {
  const reason = errorInfoOf(error)?.reason
  return reason === ErrorReason.SHUTTING_DOWN || reason === ErrorReason.OVERLOADED
}

/** Aborts when nothing was heard for so long. */
function watchSilence(ms: number): { readonly signal: AbortSignal; heard(): void; stop(): void } {
  const controller = new AbortController()
  const error = new ConnectError(`nothing came for ${ms / 1000} s`, Code.Unavailable)
  let timer = setTimeout(() => controller.abort(error), ms)
  return {
    signal: controller.signal,
    heard: () => {
      clearTimeout(timer)
      timer = setTimeout(() => controller.abort(error), ms)
    },
    stop: () => clearTimeout(timer),
  }
}
