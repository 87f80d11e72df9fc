// What the tools that ask a model have in common: their input, the request that is made of it, and the answer with its progress.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { z } from 'zod'
import { FinishReason, Role } from '#gen/exai/v1/chat_pb'
import type { CompleteRequestSchema, CompleteResponse, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { collect } from '../../client/collect.ts'
import { effortByWord } from '../../core/effort-words.ts'
import { reasoningEfforts } from '../../core/model.ts'
import { errorOf } from './errors.ts'
import { costOf, costSchema, dollars, usageOf, usageSchema } from './shown.ts'
import { BrokenAnswer, type ContentBlock, type ToolAnswer, type ToolContext } from './tool.ts'

/** What whoever asks may say of how the answer is to be made. */
export const askingFields = {
  model: z
    .string()
    .default('auto')
    .describe('model id, provider/id, an alias, or auto: the service picks. list_models names them'),
  system: z.string().optional().describe('standing instructions for the model'),
  conversation_id: z
    .string()
    .optional()
    .describe('new begins a conversation and the answer carries its id; an id goes on with it. Absent: none'),
  temperature: z.number().optional(),
  max_output_tokens: z.int().positive().optional(),
  reasoning_effort: z
    .enum(reasoningEfforts)
    .optional()
    .describe('how long the model may think before it answers'),
  web_search: z.boolean().optional().describe('whether the provider may search the web'),
  fallback_models: z.array(z.string()).optional().describe('models to ask when the first one fails'),
  idempotency_key: z
    .string()
    .optional()
    .describe('the same key with the same request gives the recorded answer, free, for 24 hours'),
}

const askingSchema = z.strictObject(askingFields)

/** How the answer is to be made. */
export type Asking = z.output<typeof askingSchema>

/** What a model answered. */
export const answerSchema = z.object({
  response_id: z.string(),
  model: z.string(),
  provider: z.string(),
  text: z.string(),
  finish_reason: z.string().describe('STOP, LENGTH, TOOL_CALLS, CONTENT_FILTER or OTHER'),
  conversation_id: z.string().optional(),
  citations: z.array(z.object({ url: z.string(), title: z.string() })),
  warnings: z.array(z.string()).describe('what of the request was not done as asked'),
  usage: usageSchema,
  cost: costSchema,
  replayed: z.boolean(),
})

/** The request for an answer to a text, with files beside it. */
export function requestOf(
  asking: Asking,
  text: string,
  fileIds: readonly string[],
): MessageInitShape<typeof CompleteRequestSchema> {
  const { system, temperature, max_output_tokens, reasoning_effort, fallback_models = [] } = asking
  const files = fileIds.map(
    fileId => ({ kind: { case: 'media', value: { source: { case: 'fileId', value: fileId } } } }) as const,
  )
  const part = { kind: { case: 'text', value: text } } as const
  return {
    model: asking.model,
    messages: [
      ...(system === undefined
        ? []
        : [{ role: Role.SYSTEM, content: [{ kind: { case: 'text', value: system } } as const] }]),
      { role: Role.USER, content: [part, ...files] },
    ],
    conversationId: asking.conversation_id ?? '',
    idempotencyKey: asking.idempotency_key ?? '',
    ...(temperature === undefined ? {} : { temperature }),
    ...(max_output_tokens === undefined ? {} : { maxOutputTokens: max_output_tokens }),
    ...(reasoning_effort === undefined ? {} : { reasoningEffort: effortByWord[reasoning_effort] }),
    ...(asking.web_search === true ? { webSearch: {} } : {}),
    ...(fallback_models.length === 0 ? {} : { routing: { fallbackModels: fallback_models } }),
  }
}

/** Asks, tells of the progress, and gives the whole answer. Throws BrokenAnswer when something was said before it failed. */
export async function ask(
  request: MessageInitShape<typeof CompleteRequestSchema>,
  { backend, signal, progress }: ToolContext,
): Promise<ToolAnswer<z.input<typeof answerSchema>>> {
  const heard = { text: '' }
  try {
    return answerOf(await collect(told(backend.streamComplete(request, signal), progress, heard)))
  } catch (thrown) {
    const error = errorOf(thrown, signal)
    throw heard.text === '' ? error : new BrokenAnswer(error, heard.text)
  }
}

type Event = MessageInitShape<typeof StreamEventSchema>

/** What a sign of life adds: progress must always rise, and characters are what is counted. */
const HEARTBEAT_STEP = 0.001

/** Fewer characters than this are not worth a notification of their own. */
const STEP_CHARACTERS = 40

async function* told(
  events: AsyncIterable<Event>,
  progress: ToolContext['progress'],
  heard: { text: string },
): AsyncGenerator<Event> {
  let characters = 0
  let thought = 0
  let beats = 0
  let toldAt = -STEP_CHARACTERS
  const tell = (message: string): void => {
    toldAt = characters + thought
    progress(toldAt + beats * HEARTBEAT_STEP, message)
  }
  for await (const item of events) {
    const { event } = item
    if (event?.case === 'started') progress(0, `${event.value.provider}/${event.value.model} answers`)
    if (event?.case === 'textDelta') {
      heard.text += event.value.text ?? ''
      characters += event.value.text?.length ?? 0
    }
    if (event?.case === 'reasoningDelta') thought += event.value.text?.length ?? 0
    if (event?.case === 'heartbeat') {
      beats += 1
      tell('waiting for the model')
    } else if (characters + thought - toldAt >= STEP_CHARACTERS && characters + thought > 0)
      tell(characters === 0 ? `${thought} characters of reasoning` : `${characters} characters`)
    yield item
  }
}

const FINISHES: Readonly<Record<number, string>> = {
  [FinishReason.STOP]: 'STOP',
  [FinishReason.LENGTH]: 'LENGTH',
  [FinishReason.TOOL_CALLS]: 'TOOL_CALLS',
  [FinishReason.CONTENT_FILTER]: 'CONTENT_FILTER',
}

function answerOf(response: CompleteResponse): ToolAnswer<z.input<typeof answerSchema>> {
  const parts = response.message?.content ?? []
  const text = parts.map(({ kind }) => (kind.case === 'text' ? kind.value : '')).join('')
  const structured = {
    response_id: response.id,
    model: response.model,
    provider: response.provider,
    text,
    finish_reason: FINISHES[response.finishReason] ?? 'OTHER',
    ...(response.conversationId === '' ? {} : { conversation_id: response.conversationId }),
    citations: parts.flatMap(({ kind }) =>
      kind.case === 'citation' ? [{ url: kind.value.url, title: kind.value.title }] : [],
    ),
    warnings: response.warnings.map(({ message }) => message),
    usage: usageOf(response.usage),
    cost: costOf(response.cost),
    replayed: response.replayed,
  }
  return { content: [block(text), block(footOf(response))], structured }
}

/** What a model that reads the texts alone needs to go on: above all the conversation. */
function footOf({ provider, model, usage, cost, conversationId, warnings }: CompleteResponse): string {
  return [
    `model: ${provider}/${model}`,
    `tokens: ${usage?.inputTokens ?? 0} in, ${usage?.outputTokens ?? 0} out`,
    `cost: ${cost?.known === true ? dollars(cost.nanoUsd) : 'unknown'}`,
    ...(conversationId === '' ? [] : [`conversation_id: ${conversationId}`]),
    ...warnings.map(({ message }) => `warning: ${message}`),
  ].join('\n')
}

function block(text: string): ContentBlock {
  return { type: 'text', text }
}
