// A chat with a model: what was said, the answer that is coming in, and the way to stop it.
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import { signal } from '@preact/signals'
import { type Message, MessageSchema, Role, type ToolSchema } from '#gen/exai/v1/chat_pb'
import type { CompleteResponse, StreamEvent } from '#gen/exai/v1/chat_service_pb'
import type { File as StoredFile } from '#gen/exai/v1/file_pb'
import type { Usage } from '#gen/exai/v1/usage_pb'
import type { Warning } from '#gen/exai/v1/warning_pb'
import { collect } from '../../src/client/collect.ts'
import { type Failure, failureOf } from './failure.ts'
import { client, noteFailure } from './session.ts'

/** A tool call as far as it has come. */
export interface HeardToolCall {
  readonly callId: string
  readonly name: string
  readonly arguments: string
}

/** An answer while it comes in and after it. */
export interface Answer {
  readonly state: 'running' | 'done' | 'stopped' | 'failed'
  readonly text: string
  readonly reasoning: string
  readonly toolCalls: readonly HeardToolCall[]
  readonly warnings: readonly Warning[]
  readonly usage: Usage | undefined
  readonly provider: string
  readonly model: string
  readonly requestId: string
  readonly startedAtMs: number
  readonly firstTokenMs: number | undefined
  readonly tookMs: number | undefined
  readonly response: CompleteResponse | undefined
  readonly failure: Failure | undefined
}

/** One entry of the chat: what the reader said, or what a model answered. */
export type Turn =
  | {
      readonly who: 'reader'
      readonly text: string
      readonly files: readonly string[]
      readonly message: Message
    }
  | { readonly who: 'model'; readonly answer: Answer }

/** How a model is to be asked. */
export interface Wish {
  readonly model: string
  readonly system: string
  readonly tools: readonly MessageInitShape<typeof ToolSchema>[]
}

/** The largest file that one message carries, in bytes; browsers cannot stream a larger one. */
export const FILE_BYTES_MAX = 4 * 1024 * 1024
// Fast models send hundreds of pieces a second; a screen shows sixty.
const SHOW_EVERY_MS = 40

/** The chat so far. */
export const turns = signal<readonly Turn[]>([])
/** Whether an answer is coming in. */
export const isAnswering = signal(false)

let stopping: AbortController | undefined

/** Begins anew. */
export function clearTalk(): void {
  stopping?.abort()
  turns.value = []
}

/** Ends the answer that is coming in. */
export function stopAnswer(): void {
  stopping?.abort()
}

/** Says something with files, and lets a model answer. */
export async function say(text: string, files: readonly StoredFile[], wish: Wish): Promise<void> {
  const media = files.map(({ id, filename, mimeType }) => ({
    kind: {
      case: 'media' as const,
      value: { mimeType, filename, source: { case: 'fileId' as const, value: id } },
    },
  }))
  const words = text === '' ? [] : [{ kind: { case: 'text' as const, value: text } }]
  const message = create(MessageSchema, { role: Role.USER, content: [...media, ...words] })
  turns.value = [
    ...turns.peek(),
    { who: 'reader', text, files: files.map(({ filename }) => filename), message },
  ]
  await answer(wish)
}

/** Says what tools returned, by the id of the call, and lets a model go on. */
export async function giveResults(results: ReadonlyMap<string, string>, wish: Wish): Promise<void> {
  const content = [...results].map(([callId, text]) => ({
    kind: {
      case: 'toolResult' as const,
      value: { callId, content: [{ kind: { case: 'text' as const, value: text } }] },
    },
  }))
  const message = create(MessageSchema, { role: Role.TOOL, content })
  const text = [...results.values()].join('\n')
  turns.value = [...turns.peek(), { who: 'reader', text, files: [], message }]
  await answer(wish)
}

/** Reads the tools that somebody wrote as JSON: one, or a list of them, also in the form that OpenAI takes. Throws when it is none. */
export function toolsOf(json: string): readonly MessageInitShape<typeof ToolSchema>[] {
  if (json.trim() === '') return []
  const told: unknown = JSON.parse(json)
  return (Array.isArray(told) ? told : [told]).map((item: unknown, index) => {
    const outer = objectOf(item)
    const tool = objectOf(outer?.['function']) ?? outer
    const name = tool?.['name']
    if (tool === undefined || typeof name !== 'string') throw new Error(`tool ${index + 1} has no name`)
    const { description } = tool as { description?: unknown }
    const parameters = objectOf(tool['parameters'])
    return {
      name,
      description: typeof description === 'string' ? description : '',
      // It came out of JSON.parse, so it is JSON.
      ...(parameters === undefined ? {} : { parameters: parameters as JsonObject }),
    }
  })
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

// What failed or was stopped before it said a word is no part of the chat for the model.
function historyOf(all: readonly Turn[], system: string): readonly Message[] {
  const first =
    system.trim() === ''
      ? []
      : [create(MessageSchema, { role: Role.SYSTEM, content: [{ kind: { case: 'text', value: system } }] })]
  const said = all.flatMap(turn => {
    if (turn.who === 'reader') return [turn.message]
    const { response, text } = turn.answer
    if (response?.message !== undefined) return [response.message]
    return text === ''
      ? []
      : [create(MessageSchema, { role: Role.ASSISTANT, content: [{ kind: { case: 'text', value: text } }] })]
  })
  return [...first, ...said]
}

async function answer({ model, system, tools }: Wish): Promise<void> {
  const messages = [...historyOf(turns.peek(), system)]
  const stop = new AbortController()
  stopping = stop
  isAnswering.value = true
  const startedAtMs = performance.now()
  let now: Answer = { ...EMPTY, startedAtMs }
  let showing: ReturnType<typeof setTimeout> | undefined
  const place = turns.peek().length
  const show = (): void => {
    showing = undefined
    if (stop.signal.aborted && turns.peek().length < place) return
    turns.value = [...turns.peek().slice(0, place), { who: 'model', answer: now }]
  }
  const hear = (change: Partial<Answer>): void => {
    now = { ...now, ...change }
    showing ??= setTimeout(show, SHOW_EVERY_MS)
  }
  const onHeader = (header: Headers): void => hear({ requestId: header.get('x-request-id') ?? '' })
  show()
  try {
    const stream = client.chat.streamComplete(
      { model, messages, tools: [...tools] },
      { signal: stop.signal, onHeader },
    )
    const response = await collect(heard(stream, event => hear(changeOf(now, event))))
    hear({ state: 'done', response, usage: response.usage })
  } catch (thrown) {
    const failure = failureOf(thrown)
    if (stop.signal.aborted) hear({ state: 'stopped' })
    else hear({ state: 'failed', failure, requestId: failure.requestId || now.requestId })
    noteFailure(failure)
  }
  clearTimeout(showing)
  now = { ...now, tookMs: performance.now() - startedAtMs }
  show()
  if (stopping === stop) isAnswering.value = false
}

async function* heard(
  stream: AsyncIterable<StreamEvent>,
  tell: (event: StreamEvent) => void,
): AsyncIterable<StreamEvent> {
  for await (const event of stream) {
    tell(event)
    yield event
  }
}

const EMPTY: Answer = {
  state: 'running',
  text: '',
  reasoning: '',
  toolCalls: [],
  warnings: [],
  usage: undefined,
  provider: '',
  model: '',
  requestId: '',
  startedAtMs: 0,
  firstTokenMs: undefined,
  tookMs: undefined,
  response: undefined,
  failure: undefined,
}

function changeOf(now: Answer, { event: { case: kind, value } }: StreamEvent): Partial<Answer> {
  const first = { firstTokenMs: now.firstTokenMs ?? performance.now() - now.startedAtMs }
  switch (kind) {
    case 'started':
    case 'rerouted':
      return { provider: value.provider, model: value.model }
    case 'textDelta':
      return { ...first, text: now.text + value.text }
    case 'reasoningDelta':
      return { ...first, reasoning: now.reasoning + value.text }
    case 'toolCallStart':
      return {
        ...first,
        toolCalls: [...now.toolCalls, { callId: value.callId, name: value.name, arguments: '' }],
      }
    case 'toolCallDelta':
      return {
        toolCalls: now.toolCalls.map(call =>
          call.callId === value.callId ? { ...call, arguments: call.arguments + value.arguments } : call,
        ),
      }
    case 'usage':
      return { usage: value }
    case 'warning':
      return { warnings: [...now.warnings, value] }
    default:
      return {}
  }
}
