// One attempt on the Responses wire.
import type { Deltas } from '../../core/delta.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { Access } from '../access.ts'
import { type ChatDeps, createWireChat } from '../openai-dialect/wire-chat.ts'
import { createAnswerReader } from './answer.ts'
import { errorCodes } from './error-codes.ts'
import { buildRequest } from './request.ts'
import { createResponsesStreamDecoder } from './stream.ts'

/** Makes the function that asks a model by some way in, as Provider's `open` says. */
export const createResponsesChat = (deps: ChatDeps): ((input: AttemptInput, access: Access) => Deltas) =>
  createWireChat(deps, {
    path: '/responses',
    build: buildRequest,
    reader: createAnswerReader,
    decoder: createResponsesStreamDecoder,
    errorCodes,
  })
