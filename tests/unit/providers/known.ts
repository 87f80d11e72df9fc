// The models of the bundled table, and turns of a chat, for the tests of the adapters.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type MessageSchema, type PartSchema, Role } from '#gen/exai/v1/chat_pb'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import type { Delta, TokenCounts } from '../../../src/core/delta.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { Dialect } from '../../../src/providers/openai-dialect/dialect.ts'
import { buildRequest } from '../../../src/providers/openai-dialect/request.ts'
import type { TestAttempt } from './attempt.ts'

/** A part as a test writes it. */
export type PartInit = MessageInitShape<typeof PartSchema>
/** A message as a test writes it. */
export type MessageInit = MessageInitShape<typeof MessageSchema>

const { models } = bundledModels()

/** A model as the bundled table describes it. */
export function known(id: string): ModelEntry {
  const model = models.find(each => each.id === id)
  if (model === undefined) throw new Error(`the table has no ${id}`)
  return model
}

/** The body of a request, as it is on the wire. */
export function wireOf(input: TestAttempt, dialect: Dialect): Record<string, unknown> {
  return JSON.parse(JSON.stringify(buildRequest(input, dialect, input.model.provider)))
}

/** A message of some parts. */
export const said = (role: Role, ...content: readonly PartInit[]): MessageInit => ({
  role,
  content: [...content],
})
/** A part of text. */
export const text = (value: string): PartInit => ({ kind: { case: 'text', value } })
/** A part of thoughts. */
export const thought = (value: string, provider: string, opaque?: Uint8Array): PartInit => ({
  kind: { case: 'reasoning', value: { text: value, provider, ...(opaque && { opaque }) } },
})
/** A call of a tool. */
export const call = (callId: string, args = '{}', name = 'get_weather'): PartInit => ({
  kind: { case: 'toolCall', value: { callId, name, arguments: args } },
})
/** A message with the result of a call. */
export const result = (callId: string, value: string): MessageInit =>
  said(Role.TOOL, { kind: { case: 'toolResult', value: { callId, content: [text(value)] } } })

/** A medium by its URL. */
export const mediaUrl = (mimeType: string, value: string, detail = ''): PartInit => ({
  kind: { case: 'media', value: { mimeType, detail, source: { case: 'url', value } } },
})
/** A medium by its bytes. */
export const mediaData = (mimeType: string, value: string, detail = ''): PartInit => ({
  kind: { case: 'media', value: { mimeType, detail, source: { case: 'data', value: Buffer.from(value) } } },
})

/** A tool with one argument. */
export const weather = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

/** The thoughts that deltas say. */
export const thoughtsOf = (deltas: readonly Delta[]): string =>
  deltas.map(delta => (delta.type === 'reasoning' ? delta.text : '')).join('')
/** The last counts that deltas tell. */
export const countsOf = (deltas: readonly Delta[]): TokenCounts | undefined =>
  deltas.flatMap(delta => (delta.type === 'usage' ? [delta.counts] : [])).at(-1)
/** Name and arguments of every call. */
export const callsOf = (deltas: readonly Delta[]): readonly (readonly [string, string])[] =>
  deltas.flatMap(delta => {
    if (delta.type !== 'tool_call_start') return []
    const pieces = deltas.map(each =>
      each.type === 'tool_call_arguments' && each.callId === delta.callId ? each.text : '',
    )
    return [[delta.name, pieces.join('')] as const]
  })
