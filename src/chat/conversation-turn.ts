// What a call adds to its conversation: question and answer as they are kept, each with an estimate of its tokens.
import { toJsonString } from '@bufbuild/protobuf'
import { type Message, MessageSchema, type Part, Role } from '#gen/exai/v1/chat_pb'
import { uuidv7 } from '../core/ids.ts'
import type { KeptMessage, KeptRole, Turn } from '../core/settlement.ts'
import { messageOverheadTokens, type TokenCounter } from '../metering/count.ts'
import type { Joined } from './conversation.ts'
import { messageTexts } from './texts.ts'

/** What one image, sound or document is taken to cost in a prompt, in tokens: providers say different things, and most about this. */
const MEDIA_TOKENS = 1_024

const ROLES: Readonly<Record<Role, KeptRole>> = {
  [Role.UNSPECIFIED]: 'user',
  [Role.SYSTEM]: 'system',
  [Role.USER]: 'user',
  [Role.ASSISTANT]: 'assistant',
  [Role.TOOL]: 'tool',
}

/** What is kept of a call that was answered, if only in part. Ids are made here, so it is to be made once. */
export async function turnOf(
  { id, isNew, from, isSystemNew, system, fresh, brought }: Joined,
  answer: Message,
  { counter, now }: { readonly counter: TokenCounter; readonly now: number },
): Promise<Turn> {
  const keep = async (message: Message, given = message): Promise<KeptMessage> => ({
    id: uuidv7(now),
    role: ROLES[message.role] ?? 'user',
    json: toJsonString(MessageSchema, message),
    // What a file says costs tokens, and not what it is called.
    tokens: await tokensOf(given, counter),
  })
  const messages: KeptMessage[] = []
  for (const [index, message] of brought.entries()) messages.push(await keep(message, fresh[index]))
  messages.push(await keep(answer))
  return {
    conversationId: id,
    isNew,
    ...(from === undefined ? {} : { from }),
    ...(isSystemNew ? { system: await Promise.all(system.map(({ message }) => keep(message))) } : {}),
    messages,
  }
}

async function tokensOf(message: Message, counter: TokenCounter): Promise<number> {
  const { tokens } = await counter.countRequest({ texts: messageTexts(message), messages: 0 })
  return tokens + messageOverheadTokens + MEDIA_TOKENS * message.content.reduce(mediaIn, 0)
}

function mediaIn(sum: number, { kind }: Part): number {
  if (kind.case === 'media') return sum + 1
  return kind.case === 'toolResult' ? kind.value.content.reduce(mediaIn, sum) : sum
}
