// Kept conversations as their tenant sees them: listed, read whole, deleted.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Message } from '#gen/exai/v1/chat_pb'
import type {
  ConversationSchema,
  GetConversationResponseSchema,
  ListConversationsResponseSchema,
} from '#gen/exai/v1/chat_service_pb'
import type { Call } from '../core/call.ts'
import type { ConversationInfo, Conversations } from '../core/conversations.ts'
import { GatewayError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import type { Marks } from '../core/marks.ts'
import { pageLimit, pageToken, placeOf } from '../core/page.ts'
import { timestampOf } from '../core/time.ts'
import { messageOf, noConversation } from './conversation.ts'
import { answerMessageId } from './conversation-turn.ts'
import { createGoingOn, type GoingOnDeps, type GoOn } from './going-on.ts'

/** Conversations of the caller's tenant. Everything throws GatewayError. */
export interface OwnConversations {
  /** A page, those that began last first. Throws INVALID_REQUEST for a page that cannot be. */
  list(
    call: Call,
    asked: { readonly pageSize: number; readonly pageToken: string },
  ): Promise<MessageInitShape<typeof ListConversationsResponseSchema>>
  /** One with all its messages. Throws CONVERSATION_NOT_FOUND, and OVERLOADED for one that is too large for one answer. */
  get(
    call: Call,
    asked: { readonly conversationId: string },
  ): Promise<MessageInitShape<typeof GetConversationResponseSchema>>
  /** Deletes one for good. Throws CONVERSATION_NOT_FOUND. */
  delete(call: Call, asked: { readonly conversationId: string }): Promise<Record<string, never>>
  /**
   * Id of the conversation whose latest answer this is. Throws CONVERSATION_NOT_FOUND when none has it, and INVALID_REQUEST
   * when the conversation has gone on, unless that was by a call with this idempotency key: then this one repeats it.
   */
  endingWith(
    call: Call,
    asked: { readonly responseId: string; readonly idempotencyKey: string },
  ): Promise<string>
  /** Takes an answer to go on from it. */
  readonly goOn: GoOn
}

/** Tells the list's page tokens from those of other lists. */
const LIST = 'conversations'

/** Messages of one question to the store. */
const PAGE_MESSAGES = 256
/** JSON of one question to the store, in bytes. */
const PAGE_BYTES = 4 * 1024 * 1024
/** JSON of the messages of one answer, in bytes: less than the most that is written for one call. */
const ANSWER_BYTES_MAX = 48 * 1024 * 1024

/** Shows what is kept. */
export function createOwnConversations(
  conversations: Conversations,
  marks: Pick<Marks, 'byKey'>,
  deps: GoingOnDeps,
): OwnConversations {
  /** All messages below a place, oldest first. */
  async function read(key: { readonly tenant: string; readonly id: string }, lastPlace: number) {
    const messages: Message[] = []
    let before = lastPlace + 1
    let bytes = 0
    for (;;) {
      const page = await conversations.history({ ...key, before, limit: PAGE_MESSAGES, maxBytes: PAGE_BYTES })
      for (const kept of page) {
        bytes += Buffer.byteLength(kept.json)
        messages.push(messageOf(kept))
        before = kept.place
      }
      if (bytes > ANSWER_BYTES_MAX)
        throw new GatewayError(
          'OVERLOADED',
          `conversation ${key.id} has more than ${ANSWER_BYTES_MAX} bytes: it can be gone on with, and not be read in one answer`,
        )
      if (page.length === 0 || before <= 1) return messages.reverse()
    }
  }

  return {
    async list({ caller: { tenant } }, asked) {
      const after = placeOf(asked.pageToken, LIST)
      const limit = pageLimit(asked.pageSize)
      const page = await conversations.list({ tenant, limit, ...(after === undefined ? {} : { after }) })
      return { conversations: page.items.map(shown), nextPageToken: pageToken(page.next, LIST) }
    },
    async get({ caller: { tenant } }, { conversationId: id }) {
      const found = isId('conv', id) ? await conversations.get({ tenant, id }) : undefined
      if (found === undefined) throw noConversation(id)
      const said = await read({ tenant, id }, found.lastPlace)
      return { conversation: shown(found), messages: [...found.system.map(messageOf), ...said] }
    },
    async delete({ caller: { tenant } }, { conversationId: id }) {
      if (!isId('conv', id) || !(await conversations.delete({ tenant, id }))) throw noConversation(id)
      return {}
    },
    async endingWith({ caller: { tenant } }, { responseId, idempotencyKey }) {
      const messageId = answerMessageId(responseId)
      const id = isId('resp', responseId) ? await conversations.holding({ tenant, messageId }) : undefined
      const found = id === undefined ? undefined : await conversations.get({ tenant, id })
      if (found === undefined)
        throw new GatewayError(
          'CONVERSATION_NOT_FOUND',
          `no conversation has the answer ${JSON.stringify(responseId.slice(0, 64))}: only answers of a conversation are kept`,
        )
      const before = found.lastPlace + 1
      const [last] = await conversations.history({ tenant, id: found.id, before, limit: 1, maxBytes: 1 })
      const isRepeated = async () =>
        idempotencyKey !== '' && (await marks.byKey(tenant, idempotencyKey)) !== undefined
      if (last?.id !== messageId && !(await isRepeated()))
        throw new GatewayError(
          'INVALID_REQUEST',
          `${responseId} is not the latest answer of conversation ${found.id}, which cannot go on from an earlier one`,
        )
      return found.id
    },
    goOn: createGoingOn(deps),
  }
}

function shown({
  id,
  createdAt,
  updatedAt,
  expiresAt,
  messageCount,
  provider,
  model,
}: ConversationInfo): MessageInitShape<typeof ConversationSchema> {
  return {
    id,
    createTime: timestampOf(createdAt),
    updateTime: timestampOf(updatedAt),
    ...(expiresAt === undefined ? {} : { expireTime: timestampOf(expiresAt) }),
    messageCount,
    provider,
    model,
  }
}
