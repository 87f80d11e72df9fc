// Makes messages and parts for requests that follow from a model's own answer.
import { create } from '@bufbuild/protobuf'
import { type Message, MessageSchema, type Part, PartSchema, type Role } from '#gen/exai/v1/chat_pb'

/** A message of some parts. */
export const messageOf = (role: Role, content: readonly Part[]): Message =>
  create(MessageSchema, { role, content: [...content] })

/** A part of text. */
export const textPart = (value: string): Part => create(PartSchema, { kind: { case: 'text', value } })

/** A part of thoughts of a model. */
export const reasoningPart = (text: string, provider: string, model: string): Part =>
  create(PartSchema, { kind: { case: 'reasoning', value: { text, provider, model } } })

/** A call of a tool. */
export const callPart = (callId: string, name: string, args: string): Part =>
  create(PartSchema, { kind: { case: 'toolCall', value: { callId, name, arguments: args } } })

/** The result of a call. */
export const resultPart = (callId: string, text: string): Part =>
  create(PartSchema, { kind: { case: 'toolResult', value: { callId, content: [textPart(text)] } } })
