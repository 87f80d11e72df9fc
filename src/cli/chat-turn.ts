// One question of `exai chat` and its answer, over the stream of the running service.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { type PartSchema, Role } from '#gen/exai/v1/chat_pb'
import {
  ChatService,
  type CompleteRequestSchema,
  type CompleteResponse,
  type StreamEvent,
} from '#gen/exai/v1/chat_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { uploadedFile } from './chat-files.ts'
import { failureLine, failureOf, type ServiceTarget, transportTo } from './client.ts'
import { safeLine } from './terminal-text.ts'

/** What is asked. */
export interface Question {
  readonly text: string
  readonly model: string
  readonly system: string | undefined
  /** Paths of files to upload. */
  readonly files: readonly string[]
  /** `new`, an id, or empty: nothing is kept. */
  readonly conversation: string
  readonly maxOutputTokens: number | undefined
}

/** How it ended. */
export type TurnEnd =
  | {
      readonly type: 'completed'
      readonly response: CompleteResponse
      /** From the call to the first piece of text or reasoning, in milliseconds. Absent: there was none. */
      readonly firstTokenMs: number | undefined
    }
  | { readonly type: 'failed'; readonly line: string }
  /** Whoever asked or listened has left. */
  | { readonly type: 'stopped' }

/** What takes part in a turn. */
export interface TurnDeps {
  readonly target: ServiceTarget
  readonly clock: Pick<Clock, 'monotonic'>
  /** Takes each event, and the next one comes when it is done; false: it wants no more. */
  readonly hear: (event: StreamEvent) => Promise<boolean>
  /** Ends the call. */
  readonly signal?: AbortSignal
  /** Silence after which the service is given up, in milliseconds. */
  readonly silenceMs?: number
}

/** Six signs of life of the service that did not come, in milliseconds: it sends one every 10 s. */
const SILENCE_MS = 60_000
/** Life of a file that no conversation needs later, in seconds. */
const FILE_TTL_SECONDS = 3_600

/** Asks. Never rejects. */
export async function askQuestion(question: Question, deps: TurnDeps): Promise<TurnEnd> {
  const leaving = new AbortController()
  const signal = deps.signal === undefined ? leaving.signal : AbortSignal.any([deps.signal, leaving.signal])
  try {
    const request = await requestOf(question, deps.target, signal)
    return await streamed(request, { ...deps, leaving, signal })
  } catch (error) {
    if (signal.aborted) return { type: 'stopped' }
    return { type: 'failed', line: lineOf(error) }
  } finally {
    // Leaving the loop over a stream does not end the call.
    leaving.abort()
  }
}

/** What went wrong on this side of the wire comes alone, or as the cause of an error of the call. */
function lineOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const own = [error, cause].find(one => one instanceof GatewayError)
  return own === undefined ? failureLine(failureOf(error)) : safeLine(own.message)
}

type Request = MessageInitShape<typeof CompleteRequestSchema>

async function requestOf(question: Question, target: ServiceTarget, signal: AbortSignal): Promise<Request> {
  const { text, model, system, conversation, maxOutputTokens } = question
  const content: MessageInitShape<typeof PartSchema>[] = []
  const files = createClient(FilesService, transportTo(target, 'binary'))
  const ttlSeconds = conversation === '' ? FILE_TTL_SECONDS : undefined
  for (const path of question.files) content.push(await uploadedFile(files, path, { ttlSeconds, signal }))
  content.push(textPart(text))
  return {
    model,
    conversationId: conversation,
    messages: [
      ...(system === undefined ? [] : [{ role: Role.SYSTEM, content: [textPart(system)] }]),
      { role: Role.USER, content },
    ],
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  }
}

function textPart(value: string): MessageInitShape<typeof PartSchema> {
  return { kind: { case: 'text', value } }
}

interface StreamDeps extends TurnDeps {
  readonly leaving: AbortController
  readonly signal: AbortSignal
}

async function streamed(
  request: Request,
  { target, clock, hear, leaving, signal, silenceMs = SILENCE_MS }: StreamDeps,
): Promise<TurnEnd> {
  const startedMs = clock.monotonic()
  let requestId = ''
  const onHeader = (headers: Headers): void => {
    requestId = headers.get('x-request-id') ?? ''
  }
  const stream = createClient(ChatService, transportTo(target, 'binary')).streamComplete(request, {
    signal,
    onHeader,
  })
  const events = stream[Symbol.asyncIterator]()
  let firstTokenMs: number | undefined
  let response: CompleteResponse | undefined
  let hasBegun = false
  for (;;) {
    let isSilent = false
    const timer = setTimeout(() => {
      isSilent = true
      leaving.abort()
    }, silenceMs)
    let step: IteratorResult<StreamEvent>
    try {
      step = await events.next()
    } catch (error) {
      if (isSilent) return broken('the service has been silent for too long', requestId)
      if (signal.aborted || !hasBegun || failureOf(error).type === 'refused') throw error
      return broken('the connection was lost', requestId)
    } finally {
      clearTimeout(timer)
    }
    if (step.done === true) break
    hasBegun = true
    const { event } = step.value
    if (event.case === 'textDelta' || event.case === 'reasoningDelta')
      firstTokenMs ??= clock.monotonic() - startedMs
    if (event.case === 'completed') response = event.value.response
    if (!(await hear(step.value))) return { type: 'stopped' }
  }
  // Text alone is no answer: it may lack its end.
  if (response === undefined) return broken('the stream ended without its last event', requestId)
  return { type: 'completed', response, firstTokenMs }
}

function broken(why: string, requestId: string): TurnEnd {
  const request = requestId === '' ? '' : ` (request ${safeLine(requestId)})`
  return { type: 'failed', line: `unavailable: the answer broke off: ${why}${request}` }
}
