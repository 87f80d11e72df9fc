// What a call adds to its conversation: question and answer as they are kept, each with an estimate of its tokens.
import { toJsonString } from '@bufbuild/protobuf'
import { type Message, MessageSchema, type Part, Role } from '#gen/exai/v1/chat_pb'
import { uuidv7 } from '../core/ids.ts'
import type { KeptMessage, KeptRole, Turn } from '../core/settlement.ts'
import { messageOverheadTokens, type TokenCounter } from '../metering/count.ts'
import type { Joined } from './conversation.ts'
import { fileTokens, hasText, messageTexts, type StoredFiles } from './texts.ts'

/** What one image, sound or document is taken to cost in a prompt, in tokens: providers say different things, and most about this. */
const MEDIA_TOKENS = 1_024

const ROLES: Readonly<Record<Role, KeptRole>> = {
  [Role.UNSPECIFIED]: 'user',
  [Role.SYSTEM]: 'system',
  [Role.USER]: 'user',
  [Role.ASSISTANT]: 'assistant',
  [Role.TOOL]: 'tool',
}

/** What `turnOf` works with. */
export interface TurnDeps {
  readonly counter: TokenCounter
  /** Milliseconds since the Unix epoch. */
  readonly now: number
  /** When the conversation expires if no further turn comes, in milliseconds. Absent: as it was before, at first never. */
  readonly ttlMs?: number | undefined
  /** The stored files of the chat. Absent: there are none. */
  readonly stored?: StoredFiles | undefined
}

/** What a turn is added to, and what the request has brought. */
export type TurnBase = Pick<Joined, 'id' | 'isNew' | 'from' | 'isSystemNew' | 'system' | 'fresh' | 'brought'>

/** An answer with its id, `resp_` and a UUIDv7. */
export interface TurnAnswer {
  readonly responseId: string
  readonly message: Message
}

/** What is kept of a call that was answered, if only in part. Ids are made here, so it is to be made once. */
export async function turnOf(
  { id, isNew, from, isSystemNew, system, fresh, brought }: TurnBase,
  answer: TurnAnswer,
  { counter, now, ttlMs, stored }: TurnDeps,
): Promise<Turn> {
  const keep = async (message: Message, given = message): Promise<KeptMessage> => ({
    id: uuidv7(now),
    role: ROLES[message.role] ?? 'user',
    json: toJsonString(MessageSchema, message),
    // What a file says costs tokens, and not what it is called.
    tokens: await tokensOf(given, counter, stored),
  })
  const messages: KeptMessage[] = []
  for (const [index, message] of brought.entries()) messages.push(await keep(message, fresh[index]))
  messages.push({ ...(await keep(answer.message)), id: answerMessageId(answer.responseId) })
  return {
    conversationId: id,
    isNew,
    ...(from === undefined ? {} : { from }),
    ...(isSystemNew ? { system: await Promise.all(system.map(({ message }) => keep(message))) } : {}),
    messages,
    ...(ttlMs === undefined ? {} : { expiresAt: now + ttlMs }),
  }
}

/** The id under which the message of an answer is kept: that of the answer, so that it can be found by it. */
export function answerMessageId(responseId: string): string {
  return responseId.slice(responseId.indexOf('_') + 1)
}

async function tokensOf(
  message: Message,
  counter: TokenCounter,
  stored: StoredFiles | undefined,
): Promise<number> {
  const { tokens } = await counter.countRequest({ texts: messageTexts(message, stored), messages: 0 })
  const media = MEDIA_TOKENS * mediaWithoutText(message.content, stored)
  return tokens + messageOverheadTokens + fileTokens(message, stored) + media
}

function mediaWithoutText(content: readonly Part[], stored: StoredFiles | undefined): number {
  return content.reduce((sum, { kind }) => {
    if (kind.case === 'toolResult') return sum + mediaWithoutText(kind.value.content, stored)
    return kind.case === 'media' && !hasText(kind.value, stored) ? sum + 1 : sum
  }, 0)
}
