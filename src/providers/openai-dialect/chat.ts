// One attempt on the chat completions wire.
import type { Deltas } from '../../core/delta.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { Access } from '../access.ts'
import { createAnswerReader } from './answer.ts'
import { buildRequest } from './request.ts'
import { createChatStreamDecoder } from './stream.ts'
import { type ChatDeps, createWireChat } from './wire-chat.ts'

/** Makes the function that asks a model by some way in, as Provider's `open` says. */
export const createChat = (deps: ChatDeps): ((input: AttemptInput, access: Access) => Deltas) =>
  createWireChat(deps, {
    path: '/chat/completions',
    build: buildRequest,
    reader: createAnswerReader,
    decoder: createChatStreamDecoder,
  })
