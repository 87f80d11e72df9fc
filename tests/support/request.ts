// A chat request as short as it can be.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { Role } from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'

type RequestInit = MessageInitShape<typeof CompleteRequestSchema>

/** A request with one user message, and whatever a test sets over it. */
export function ask(text: string, over: RequestInit = {}) {
  return create(CompleteRequestSchema, {
    model: 'one-model',
    messages: [{ role: Role.USER, content: [{ kind: { case: 'text', value: text } }] }],
    ...over,
  })
}
