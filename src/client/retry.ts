// A call that is made again when its connection breaks or the gateway asks for it, and is paid once.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { CallOptions, Client } from '@connectrpc/connect'
import {
  type ChatService,
  type CompleteRequest,
  CompleteRequestSchema,
  type CompleteResponse,
} from '#gen/exai/v1/chat_service_pb'
import { isPassing } from './error-info.ts'
import { delayAfter, newIdempotencyKey, type Patience, wait } from './patience.ts'

/**
 * Asks for an answer, and asks again after broken connections and errors that pass. Every attempt carries the same
 * `idempotency_key`, made here unless the request has one, so that the gateway joins them to one call. Throws the last
 * attempt's ConnectError, or the signal's reason.
 */
export async function completeWithRetries(
  chat: Pick<Client<typeof ChatService>, 'complete'>,
  request: MessageInitShape<typeof CompleteRequestSchema>,
  patience: Patience = {},
): Promise<CompleteResponse> {
  const asked = withKey(request)
  for (let failures = 1; ; failures += 1) {
    try {
      return await chat.complete(asked, callOptions(patience))
    } catch (error) {
      const delayMs =
        patience.signal?.aborted || !isPassing(error) ? undefined : delayAfter(failures, error, patience)
      if (delayMs === undefined) throw error
      await wait(delayMs, patience.signal)
    }
  }
}

/** A copy of the request, with an idempotency key. */
export function withKey(request: MessageInitShape<typeof CompleteRequestSchema>): CompleteRequest {
  const asked = create(CompleteRequestSchema, request)
  // What is a message already, `create` gives back as it is: and that one is the caller's.
  return { ...asked, idempotencyKey: asked.idempotencyKey || newIdempotencyKey() }
}

/** What is said with every attempt. */
export function callOptions({ signal, headers }: Patience): CallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(headers === undefined ? {} : { headers }) }
}
