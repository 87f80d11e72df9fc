// Which part of a conversation a model is given: the newest whole turns that fit, and never half of a tool call.
import { type Message, type Part, Role } from '#gen/exai/v1/chat_pb'

/** A message of before, and an estimate of the tokens that it takes in a prompt. */
export interface PastMessage {
  readonly message: Message
  readonly tokens: number
}

/** Messages that stay or go together. */
export interface PastTurn {
  /** As a model is given them: without tool calls that nobody has answered. */
  readonly messages: readonly Message[]
  /** How many messages it has in the conversation. */
  readonly count: number
  readonly tokens: number
}

/** What was said before, oldest first. */
export interface History {
  /** Turns of which the oldest may be left out. */
  readonly turns: readonly PastTurn[]
  /** What the new messages go on with, such as the call that they answer: it stays in any case. */
  readonly bound: PastTurn
  /** Whether `bound` is all of it, and not cut off where the reading has ended. */
  readonly isBoundWhole: boolean
}

/**
 * Parts what was said before into turns: each begins with what the user says and ends before the user speaks again, and a
 * tool's result is in the turn of its call. `isWhole`: the past begins with the first message of the conversation.
 */
export function historyOf(
  past: readonly PastMessage[],
  fresh: readonly Message[],
  isWhole: boolean,
): History {
  const all = [...past.map(({ message }) => message), ...fresh]
  const { isCut, answered } = tieCalls(all)
  const cuts: number[] = []
  for (let index = 0; index <= past.length; index += 1)
    if (!isCut[index] && begins(all, index, past.length, isWhole)) cuts.push(index)
  const turnOf = (from: number, to: number): PastTurn => {
    const own = past.slice(from, to)
    return {
      messages: own.flatMap(({ message }, at) => withoutOpenCalls(message, answered[from + at])),
      count: own.length,
      tokens: own.reduce((sum, { tokens }) => sum + tokens, 0),
    }
  }
  const last = cuts.at(-1)
  return {
    turns: cuts.slice(0, -1).map((from, at) => turnOf(from, cuts[at + 1] ?? from)),
    bound: turnOf(last ?? 0, past.length),
    isBoundWhole: last !== undefined || isWhole,
  }
}

/** The newest turns that take at most so many tokens together, oldest first; a gap is never left. */
export function newestThatFit(turns: readonly PastTurn[], roomTokens: number): readonly PastTurn[] {
  let left = roomTokens
  let from = turns.length
  while (from > 0) {
    left -= turns[from - 1]?.tokens ?? 0
    if (left < 0) break
    from -= 1
  }
  return turns.slice(from)
}

/** Whether a turn begins at a place: the user speaks there, and somebody else, or nobody, has spoken before. */
function begins(all: readonly Message[], index: number, pastLength: number, isWhole: boolean): boolean {
  if (index === 0 && isWhole) return true
  const message = all[index]
  if (message === undefined) return true
  return message.role === Role.USER && (index === pastLength || all[index - 1]?.role !== Role.USER)
}

/** Where a cut would part a result from its call, and which calls have their result. */
function tieCalls(all: readonly Message[]): {
  readonly isCut: readonly boolean[]
  readonly answered: readonly ReadonlySet<string>[]
} {
  const isCut: boolean[] = all.map(() => false)
  const answered = all.map(() => new Set<string>())
  const madeAt = new Map<string, number>()
  for (const [index, { content }] of all.entries()) {
    for (const { kind } of content) {
      if (kind.case === 'toolCall') madeAt.set(kind.value.callId, index)
      if (kind.case !== 'toolResult') continue
      const from = madeAt.get(kind.value.callId)
      if (from !== undefined) answered[from]?.add(kind.value.callId)
      // The call of a result may not have been read: then nothing up to here can be a beginning.
      isCut.fill(true, (from ?? -1) + 1, index + 1)
    }
  }
  return { isCut, answered }
}

const SPOKEN: readonly Part['kind']['case'][] = ['text', 'media', 'toolCall', 'toolResult']

/** Providers refuse a call without its result. Of an answer that broke, nothing but thoughts may be left. */
function withoutOpenCalls(message: Message, answered: ReadonlySet<string> | undefined): readonly Message[] {
  if (message.role !== Role.ASSISTANT) return [message]
  const content = message.content.filter(
    ({ kind }) => kind.case !== 'toolCall' || answered?.has(kind.value.callId) === true,
  )
  if (!content.some(({ kind }) => SPOKEN.includes(kind.case))) return []
  return [content.length === message.content.length ? message : { ...message, content }]
}
