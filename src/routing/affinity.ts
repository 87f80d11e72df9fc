// With which model a conversation is: read from the chat itself, and from what is remembered of the calls before.
import { createHash } from 'node:crypto'
import { type Message, Role } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Clock } from '../core/clock.ts'
import type { Shared } from '../core/shared.ts'

/**
 * What holds a conversation to its model, strongest first: reasoning that only it can read; a cache that is surely warm;
 * an answer of a moment ago; nothing but habit.
 */
export type Hold = 'signed' | 'warm' | 'recent' | 'loose'

/** The model that a conversation is with. */
export interface Kept {
  readonly provider: string
  readonly model: string
  readonly hold: Hold
  /** Input tokens that its provider is expected to find in its cache. */
  readonly cachedTokens: number
}

/** A call that was answered. */
export interface Answered {
  readonly tenant: string
  readonly request: CompleteRequest
  /** The whole chat that was asked, without the answer. */
  readonly messages: readonly Message[]
  readonly provider: string
  readonly model: string
  readonly inputTokens: number
  /** Id of the conversation that the call began or went on with. Absent: the request's. */
  readonly conversationId?: string | undefined
}

/** Remembers with which model conversations are. */
export interface Affinity {
  /** The model of the conversation; undefined for a chat without an answer in it, or when nobody remembers. Never rejects. */
  of(
    tenant: string,
    request: CompleteRequest,
    messages: readonly Message[],
  ): Promise<Kept | undefined> | Kept | undefined
  /** Remembers who answered. Nobody has to wait for it, and nothing is lost but a habit when it fails. */
  remember(answered: Answered): void
}

/** What a conversation is remembered with. */
export interface AffinityDeps {
  readonly shared: Pick<Shared, 'get' | 'set'>
  readonly clock: Pick<Clock, 'now'>
}

/** How long a conversation is remembered, in milliseconds, and a first question for `WARM_MS`: the longest that OpenAI's automatic cache is kept ("up to one hour"). */
export const REMEMBERED_MS = 60 * 60_000
/** How long an automatic cache is surely warm, in milliseconds: OpenAI promises 5 to 10 minutes, Kimi says as much. */
export const WARM_MS = 5 * 60_000
/** Shorter prompts are not cached (OpenAI: 1,024 tokens). */
export const CACHED_TOKENS_MIN = 1_024
/** Share of the cache that is expected between being surely warm and being forgotten. */
const LUKEWARM_SHARE = 0.5
/** Characters of the system text and of the first question that tell conversations apart. */
const FINGERPRINT_CHARACTERS = 4_096

/** Makes the memory. */
export function createAffinity({ shared, clock }: AffinityDeps): Affinity {
  async function recall(name: string, said: Origin | undefined): Promise<Kept | undefined> {
    const memory = await shared.get(name).then(read, () => undefined)
    // What the chat itself says of its last answer is right; of an earlier one it is, unless memory knows of a later one.
    if (said !== undefined && (memory === undefined || said.isLast || isOf(memory, said)))
      return keptWith(said, memory !== undefined && isOf(memory, said) ? memory : undefined)
    return memory && keptWith({ ...memory, isSealed: false }, memory)
  }

  function keptWith({ provider, model, isSealed }: Omit<Origin, 'isLast'>, memory: Memory | undefined): Kept {
    const isFresh = memory !== undefined && clock.now() - memory.atMs < WARM_MS
    const cachedTokens = cachedOf(memory, isFresh)
    const habit = isFresh ? (cachedTokens > 0 ? 'warm' : 'recent') : 'loose'
    return { provider, model, hold: isSealed ? 'signed' : habit, cachedTokens }
  }

  return {
    of(tenant, request, messages) {
      if (!hasHistory(messages) && !isKept(request.conversationId)) return undefined
      const said = originOf(messages)
      if (said?.isSealed === true && said.isLast)
        return { provider: said.provider, model: said.model, hold: 'signed', cachedTokens: 0 }
      return recall(nameOf(tenant, request, messages), said)
    },
    remember({ tenant, request, messages, provider, model, inputTokens, conversationId }) {
      const memory: Memory = { provider, model, inputTokens, atMs: clock.now() }
      const value = Buffer.from(JSON.stringify(memory))
      const asked = conversationId === undefined ? request : { ...request, conversationId }
      // Most first questions are the only ones: they must not fill the store for an hour.
      const goesOn = hasHistory(messages) || isKept(asked.conversationId) || request.promptCacheKey !== ''
      const ttlMs = goesOn ? REMEMBERED_MS : WARM_MS
      shared.set(nameOf(tenant, asked, messages), value, ttlMs).catch(() => {
        // The next call of the conversation chooses afresh.
      })
    },
  }
}

function cachedOf(memory: Memory | undefined, isFresh: boolean): number {
  if (memory === undefined || memory.inputTokens < CACHED_TOKENS_MIN) return 0
  return Math.floor(memory.inputTokens * (isFresh ? 1 : LUKEWARM_SHARE))
}

function hasHistory(messages: readonly Message[]): boolean {
  return messages.some(({ role }) => role === Role.ASSISTANT)
}

/** Whether a request goes on with a kept conversation, whose history it need not send. */
function isKept(conversationId: string): boolean {
  return conversationId !== '' && conversationId !== 'new'
}

/** Who thought in a chat, as its reasoning parts say. */
interface Origin {
  readonly provider: string
  readonly model: string
  /** Whether the thoughts are sealed, so that nobody else can read them. */
  readonly isSealed: boolean
  /** Whether they are of the last answer: who thought there has surely spoken last. */
  readonly isLast: boolean
}

function originOf(messages: readonly Message[]): Origin | undefined {
  let isLast = true
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index]
    if (message?.role !== Role.ASSISTANT) continue
    const part = message.content.findLast(
      ({ kind }) => kind.case === 'reasoning' && kind.value.provider !== '' && kind.value.model !== '',
    )
    if (part?.kind.case === 'reasoning') {
      const { provider, model, opaque } = part.kind.value
      return { provider, model, isSealed: opaque.byteLength > 0, isLast }
    }
    isLast = false
  }
  return undefined
}

interface Memory {
  readonly provider: string
  readonly model: string
  readonly inputTokens: number
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** The value in the store, which another version of this service may have written. */
function read(value: Uint8Array | undefined): Memory | undefined {
  if (value === undefined) return undefined
  try {
    // The parse boundary: every field is looked at below.
    const memory = JSON.parse(Buffer.from(value).toString('utf8')) as Partial<Record<keyof Memory, unknown>>
    const { provider, model, inputTokens, atMs } = memory
    return typeof provider === 'string' &&
      typeof model === 'string' &&
      typeof inputTokens === 'number' &&
      typeof atMs === 'number'
      ? { provider, model, inputTokens, atMs }
      : undefined
  } catch {
    // No JSON is no memory.
    return undefined
  }
}

function isOf(memory: Memory, origin: Origin): boolean {
  return memory.provider === origin.provider && memory.model === origin.model
}

/**
 * The name of a conversation: its id, or the key of its prompt, or how it began. Chats that begin alike share a memory, and
 * with it a model, whose cache holds their beginning.
 */
function nameOf(
  tenant: string,
  {
    conversationId,
    promptCacheKey,
    user,
  }: Pick<CompleteRequest, 'conversationId' | 'promptCacheKey' | 'user'>,
  messages: readonly Message[],
): string {
  if (isKept(conversationId)) return `affinity:${tenant}:${conversationId}`
  const hash = createHash('sha256')
  if (promptCacheKey !== '') hash.update(`key\n${promptCacheKey}`)
  else {
    hash.update(`chat\n${user}\n${beginningOf(messages, Role.SYSTEM)}\n`)
    hash.update(beginningOf(messages, Role.USER))
  }
  return `affinity:${tenant}:${hash.digest('base64url')}`
}

function beginningOf(messages: readonly Message[], role: Role): string {
  let text = ''
  for (const { kind } of messages.find(one => one.role === role)?.content ?? []) {
    if (kind.case === 'text') text += kind.value.slice(0, FINGERPRINT_CHARACTERS)
    if (text.length >= FINGERPRINT_CHARACTERS) break
  }
  return text
}
