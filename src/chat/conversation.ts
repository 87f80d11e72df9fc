// The conversation of a call: what was said before is read once, and each model is given the part of it that fits.
import { fromJsonString } from '@bufbuild/protobuf'
import { type Message, MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { ChatFiles } from '../core/chat-files.ts'
import type { Conversation, ConversationKey, Conversations, PlacedMessage } from '../core/conversations.ts'
import { GatewayError } from '../core/errors.ts'
import { isId, newId } from '../core/ids.ts'
import type { ModelEntry } from '../core/model.ts'
import type { WarningInit } from '../core/provider.ts'
import type { KeptMessage, TurnFrom } from '../core/settlement.ts'
import type { Routing } from '../routing/candidates.ts'
import { inputRoom } from '../routing/fit.ts'
import { modelsNamed, namesOf, usesAuto } from '../routing/names.ts'
import { assemble } from './assemble.ts'
import type { FileParts, FilledChat } from './file-parts.ts'
import { type History, historyOf, newestThatFit, type PastMessage, type PastTurn } from './history.ts'

/** The conversation that a call begins or goes on with, as it was when the call began. */
export interface Joined extends History {
  readonly id: string
  readonly isNew: boolean
  /** As it was found. Absent: it is new. */
  readonly from?: TurnFrom
  /** Standing instructions as they are from now on. */
  readonly system: readonly PastMessage[]
  /** Whether the request has brought them. */
  readonly isSystemNew: boolean
  /** What the request has brought beside them, as a model is given it. */
  readonly fresh: readonly Message[]
  /** The same as it is kept: files are named there, and not in it. */
  readonly brought: readonly Message[]
  /** How many messages were not even read: they would fit no model that may be asked. */
  readonly unread: number
  /** Estimate of the tokens of everything that was there before and may be sent. */
  readonly tokens: number
}

/** The whole chat of a call. */
export interface Chat {
  /** What was said before and what is new, nothing left out. */
  readonly messages: readonly Message[]
  /** The stored files that media of the messages name. Absent: they name none. */
  readonly files?: ChatFiles | undefined
  /** Absent: nothing is kept. */
  readonly conversation?: Joined
}

/** What a chat is read with. */
export interface JoinDeps {
  readonly conversations: Pick<Conversations, 'get' | 'history'>
  readonly routing: Pick<Routing, 'catalogue' | 'providers' | 'chains'>
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Looks up the stored files of the chat. Absent: there are none. */
  readonly files?: FileParts | undefined
  readonly signal: AbortSignal
  /** Takes what was not done as asked. */
  readonly warn?: ((warning: WarningInit) => void) | undefined
}

/** `conversation_id` of a request that begins one. */
const NEW = 'new'

/** Messages of one question to the store. */
const PAGE_MESSAGES = 256
/** JSON of the past that is read for one call, in bytes: media in it would else fill the memory. */
const PAST_BYTES_MAX = 16 * 1024 * 1024
/** Window of a model whose window nobody knows, in tokens, as far as the past may fill it. */
const ASSUMED_WINDOW_TOKENS = 128_000

/**
 * Reads the chat of a request and checks its messages, and looks up its files. Throws INVALID_REQUEST, FILE_NOT_FOUND,
 * CONVERSATION_NOT_FOUND, and CONTEXT_TOO_LONG when what the new messages go on with is too long by itself.
 */
export function joinChat(tenant: string, request: CompleteRequest, deps: JoinDeps): Chat | Promise<Chat> {
  const chat = readChat(tenant, request, deps)
  return chat instanceof Promise
    ? chat.then(read => filledChat(tenant, request.strict, read, deps))
    : filledChat(tenant, request.strict, chat, deps)
}

function readChat(tenant: string, request: CompleteRequest, deps: JoinDeps): Chat | Promise<Chat> {
  const { conversationId, messages } = request
  if (conversationId === '') return { messages: assemble(messages) }
  if (conversationId !== NEW) return goOn({ tenant, id: conversationId }, request, deps)
  assemble(messages)
  const { system, fresh } = parted(messages)
  return chatOf({
    id: newId('conv', deps.now()),
    isNew: true,
    isSystemNew: system.length > 0,
    system: system.map(unmeasured),
    fresh,
    brought: fresh,
    unread: 0,
    ...historyOf([], fresh, true),
  })
}

/** The messages that a model is given of a conversation, and how many of the oldest are left out. */
export function fittingMessages(
  { system, turns, bound, fresh, unread }: Joined,
  request: CompleteRequest,
  model: ModelEntry,
  inputTokens: number | undefined,
): { readonly messages: readonly Message[]; readonly leftOut: number } {
  // Without a number it was seen that everything fits everybody. Under `strict` nothing may be left out.
  const isTrimmed = inputTokens !== undefined && !request.strict
  const kept = isTrimmed
    ? newestThatFit(turns, historyRoom(request, model) - (inputTokens - tokensOf(turns)))
    : turns
  const sent = [...kept, bound]
  return {
    messages: [...system.map(({ message }) => message), ...sent.flatMap(turn => turn.messages), ...fresh],
    leftOut: unread + turns.slice(0, turns.length - kept.length).reduce((sum, { count }) => sum + count, 0),
  }
}

/** The warning that a conversation was cut; undefined when it was not. */
export function trimWarning(leftOut: number, model: ModelEntry): WarningInit | undefined {
  if (leftOut === 0) return undefined
  return {
    reason: Warning_Reason.HISTORY_TRIMMED,
    field: 'conversation_id',
    message: `the ${leftOut} oldest messages of the conversation were left out: they do not fit ${model.id}`,
  }
}

/** Tokens of input that the past may fill up to, what is new included. */
export function historyRoom(request: CompleteRequest, model: ModelEntry): number {
  return inputRoom(request, model) ?? ASSUMED_WINDOW_TOKENS
}

/** Tokens of the turns that may be left out. */
export function tokensOf(turns: readonly PastTurn[]): number {
  return turns.reduce((sum, { tokens }) => sum + tokens, 0)
}

/** No conversation of the tenant has the id. */
export function noConversation(id: string): GatewayError {
  const shown = JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}…` : id)
  return new GatewayError(
    'CONVERSATION_NOT_FOUND',
    `no conversation has the id ${shown}: begin one with conversation_id "new"`,
  )
}

/** A kept message as it was said. A field that only a newer version knows is passed over. */
export function messageOf({ json }: KeptMessage): Message {
  return fromJsonString(MessageSchema, json, { ignoreUnknownFields: true })
}

function filledChat(tenant: string, strict: boolean, chat: Chat, deps: JoinDeps): Chat | Promise<Chat> {
  const { files, signal, warn } = deps
  const { messages, conversation } = chat
  const kept = conversation === undefined ? 0 : messages.length - conversation.fresh.length
  const filled = files?.resolve(messages, { tenant, signal, kept, strict, warn }) ?? chat
  return filled instanceof Promise ? filled.then(all => chatWith(chat, all)) : chatWith(chat, filled)
}

/** The chat with other messages in the places of its own. */
function chatWith(chat: Chat, { messages, files }: FilledChat): Chat {
  const { messages: before, conversation } = chat
  if (messages === before) return chat
  if (conversation === undefined) return { messages, files }
  const places = new Map(before.map((message, index) => [message, messages[index] ?? message]))
  const filled = (own: readonly Message[]): readonly Message[] => own.map(one => places.get(one) ?? one)
  const turn = (one: PastTurn): PastTurn => ({ ...one, messages: filled(one.messages) })
  return {
    messages,
    files,
    conversation: {
      ...conversation,
      turns: conversation.turns.map(turn),
      bound: turn(conversation.bound),
      fresh: filled(conversation.fresh),
    },
  }
}

async function goOn(key: ConversationKey, request: CompleteRequest, deps: JoinDeps): Promise<Chat> {
  const found = isId('conv', key.id) ? await deps.conversations.get(key) : undefined
  if (found === undefined) throw noConversation(key.id)
  const { system, fresh } = parted(request.messages)
  const read = await readPast(key, found, fresh, largestRoom(request, deps), deps)
  const isSystemNew = system.length > 0
  assemble(
    request.messages,
    read.past.map(({ message }) => message),
  )
  const unread = Math.max(0, found.messageCount - found.system.length - countOf(read.history))
  if (!read.history.isBoundWhole)
    throw tooLong('the last turn of the conversation is too long for every model that may be asked')
  if (request.strict && unread > 0)
    throw tooLong(
      'the conversation is too long for every model that may be asked, and strict forbids to trim it',
    )
  return chatOf({
    id: found.id,
    isNew: false,
    from: fromOf(found),
    isSystemNew,
    system: isSystemNew ? system.map(unmeasured) : found.system.map(pastOf),
    fresh,
    brought: fresh,
    unread,
    ...read.history,
  })
}

/** Reads from the newest message back, until there is more than any model takes. */
async function readPast(
  key: ConversationKey,
  { lastPlace }: Conversation,
  fresh: readonly Message[],
  roomTokens: number,
  { conversations }: JoinDeps,
): Promise<{ readonly past: readonly PastMessage[]; readonly history: History }> {
  let past: readonly PastMessage[] = []
  let before = lastPlace + 1
  let bytes = 0
  for (;;) {
    const maxBytes = PAST_BYTES_MAX - bytes
    const page = await conversations.history({ ...key, before, limit: PAGE_MESSAGES, maxBytes })
    const fitting = within(page, maxBytes)
    past = [...fitting.toReversed().map(pastOf), ...past]
    before = fitting.at(-1)?.place ?? before
    bytes += fitting.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0)
    const isWhole = page.length === 0 || before <= 1
    const history = historyOf(past, fresh, isWhole)
    const isEnough = history.isBoundWhole && tokensOf([...history.turns, history.bound]) > roomTokens
    if (isWhole || isEnough || fitting.length === 0) return { past, history }
  }
}

/** A page has one message in any case, also one that is too large. */
function within(page: readonly PlacedMessage[], maxBytes: number): readonly PlacedMessage[] {
  const [first] = page
  return page.length === 1 && first !== undefined && Buffer.byteLength(first.json) > maxBytes ? [] : page
}

/** The most that the past may fill of any model that the request may lead to. */
function largestRoom(request: CompleteRequest, { routing }: JoinDeps): number {
  const models = usesAuto(request)
    ? routing.catalogue.list()
    : namesOf(request, routing).flatMap(({ name }) => modelsNamed(name, routing, { isOptional: true }))
  return models.reduce((most, model) => Math.max(most, historyRoom(request, model)), 0)
}

function chatOf(joined: Omit<Joined, 'tokens'>): Chat {
  const { system, isSystemNew, turns, bound, fresh } = joined
  const past = [...turns, bound]
  const kept = isSystemNew ? 0 : system.reduce((sum, { tokens }) => sum + tokens, 0)
  return {
    messages: [
      ...system.map(({ message }) => message),
      ...past.flatMap(({ messages }) => messages),
      ...fresh,
    ],
    conversation: { ...joined, tokens: kept + tokensOf(past) },
  }
}

/** Standing instructions are one thing, wherever they stand in the request; the rest keeps its order. */
function parted(messages: readonly Message[]): {
  readonly system: readonly Message[]
  readonly fresh: readonly Message[]
} {
  return {
    system: messages.filter(({ role }) => role === Role.SYSTEM),
    fresh: messages.filter(({ role }) => role !== Role.SYSTEM),
  }
}

function fromOf({ createdAt, lastPlace, messageCount, version, system }: Conversation): TurnFrom {
  return { createdAt, lastPlace, messageCount: messageCount - system.length, version, system }
}

function tooLong(why: string): GatewayError {
  return new GatewayError('CONTEXT_TOO_LONG', `${why}; begin a new conversation`)
}

function countOf({ turns, bound }: History): number {
  return turns.reduce((sum, { count }) => sum + count, bound.count)
}

function pastOf(kept: KeptMessage): PastMessage {
  return { message: messageOf(kept), tokens: kept.tokens }
}

/** What is new is counted together with the rest of the request. */
function unmeasured(message: Message): PastMessage {
  return { message, tokens: 0 }
}
