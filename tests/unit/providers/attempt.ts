// Makes what a provider is asked, and gathers what it answers, for the tests of providers.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Message, MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { Delta, Deltas } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { AttemptInput, WarningInit } from '../../../src/core/provider.ts'
import { openAiDialect } from '../../../src/providers/openai.ts'
import type { Upstream } from '../../../src/providers/openai-dialect/dialect.ts'

type MessageInit = MessageInitShape<typeof MessageSchema>

/** A model that takes everything, unless the test says otherwise. */
export function model(over: Partial<ModelEntry> = {}): ModelEntry {
  return {
    provider: 'openai',
    id: 'gpt-4.1',
    aliases: [],
    status: 'current',
    released: undefined,
    shutdown: undefined,
    contextWindow: undefined,
    maxInputTokens: undefined,
    maxOutputTokens: undefined,
    modalitiesIn: ['text', 'image', 'pdf', 'audio', 'video', 'file'],
    modalitiesOut: ['text'],
    tools: true,
    structuredOutput: 'json_schema',
    reasoning: 'none',
    reasoningEfforts: [],
    defaultReasoningEffort: undefined,
    temperature: { kind: 'range', min: 0, max: 2, minExcluded: false },
    endpoints: ['chat/completions'],
    price: undefined,
    confidence: 'high',
    source: { limits: '', price: '', capabilities: '' },
    notes: '',
    ...over,
  }
}

/** A model that thinks unless it is told not to, as OpenAI's newer ones. */
export function thinker(over: Partial<ModelEntry> = {}): ModelEntry {
  return model({
    id: 'gpt-6-sol',
    reasoning: 'optional',
    reasoningEfforts: ['none', 'low', 'medium', 'high', 'xhigh', 'max'],
    defaultReasoningEffort: 'medium',
    temperature: { kind: 'effort_none', min: 0, max: 2 },
    ...over,
  })
}

/** A user message of one text. */
export const user = (text: string): MessageInit => ({
  role: Role.USER,
  content: [{ kind: { case: 'text', value: text } }],
})

/** What one attempt asks, and the warnings that it causes, as `REASON field: message`. */
export interface TestAttempt extends AttemptInput {
  readonly warnings: readonly string[]
}

/** Makes an attempt; `messages` are those of the request, and `history` stands before them. */
export function attempt(
  request: MessageInitShape<typeof CompleteRequestSchema>,
  over: { model?: ModelEntry; stream?: boolean; signal?: AbortSignal; history?: readonly MessageInit[] } = {},
): TestAttempt {
  const whole = create(CompleteRequestSchema, { messages: [user('Hello')], ...request })
  const names = new Map(Object.entries(Warning_Reason).map(([name, number]) => [Number(number), name]))
  const warnings: string[] = []
  const history: readonly Message[] = (over.history ?? []).map(init => create(MessageSchema, init))
  return {
    model: over.model ?? model(),
    request: whole,
    messages: [...history, ...whole.messages],
    stream: over.stream ?? false,
    signal: over.signal ?? new AbortController().signal,
    warn: ({ reason, field, message }: WarningInit) =>
      void warnings.push(`${names.get(Number(reason ?? 0))} ${field}: ${message}`),
    warnings,
  }
}

/** Whom decoders are told that they read. */
export const upstream: Upstream = {
  provider: 'openai',
  model: 'gpt-4.1',
  dialect: openAiDialect,
  redact: text => text.replaceAll('test-key', '[redacted]'),
}

/** Ids `call_1`, `call_2` … for tool calls without a good one. */
export function countedIds(): { readonly newCallId: () => string } {
  let count = 0
  return { newCallId: () => `call_${++count}` }
}

/** Everything that an answer says. */
export async function collect(deltas: Deltas): Promise<readonly Delta[]> {
  const all: Delta[] = []
  for await (const batch of deltas) all.push(...batch)
  return all
}

/** The error that an answer ends in, with what it said before. */
export async function failure(
  deltas: Deltas,
): Promise<{ readonly error: GatewayError; readonly said: readonly Delta[] }> {
  const said: Delta[] = []
  try {
    for await (const batch of deltas) said.push(...batch)
  } catch (error) {
    if (error instanceof GatewayError) return { error, said }
    throw error
  }
  throw new Error('the answer did not fail')
}

/** The error that a function throws. */
export function thrown(work: () => unknown): GatewayError {
  try {
    work()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** The text that deltas say. */
export const textOf = (deltas: readonly Delta[]): string =>
  deltas.map(delta => (delta.type === 'text' ? delta.text : '')).join('')
