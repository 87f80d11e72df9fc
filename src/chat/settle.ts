// The end of every call, whatever happened to it: what it used, what it cost, and one value into the journal.
import { create } from '@bufbuild/protobuf'
import { type Message, MessageSchema } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { RouteAttempt_Outcome } from '#gen/exai/v1/route_pb'
import {
  type Cost,
  CostSchema,
  Usage_Provenance as Provenance,
  type Usage,
  UsageSchema,
} from '#gen/exai/v1/usage_pb'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Call } from '../core/call.ts'
import type { ChatFiles } from '../core/chat-files.ts'
import type { Clock } from '../core/clock.ts'
import { soundCounts } from '../core/delta.ts'
import { uuidv7 } from '../core/ids.ts'
import type { AttemptHold, AttemptTruth } from '../core/limits.ts'
import type { CallOutcome, Ending, Journal, LedgerLine } from '../core/settlement.ts'
import type { TokenCounter } from '../metering/count.ts'
import type { Attempt } from '../routing/attempt.ts'
import type { Answer } from './answer.ts'
import { costOfAttempt } from './attempt-cost.ts'
import type { Joined } from './conversation.ts'
import { turnOf } from './conversation-turn.ts'
import { askedOf, type BookedAttempt, type ChatMetrics, type Operation, observe } from './settled-numbers.ts'
import { countedRequest, countTokensOf } from './texts.ts'
import { REQUEST_LIMITS } from './validate.ts'

/** What settling needs. */
export interface SettleDeps {
  readonly journal: Journal
  readonly counter: TokenCounter
  readonly metrics: ChatMetrics
  readonly clock: Clock
  /** How long a conversation is kept after its last turn, in milliseconds. Absent: until it is deleted. */
  readonly conversationTtlMs?: number | undefined
}

/** What is known of a call at its end. */
export interface Ended {
  readonly call: Call
  readonly request: CompleteRequest
  /** The configuration that the call began with: its prices count. */
  readonly routing: { readonly catalogue: Catalogue }
  readonly messages: readonly Message[]
  /** The stored files that they name. Absent: they name none. */
  readonly files?: ChatFiles | undefined
  /** What an attempt was given of them. */
  readonly givenTo: (attempt: Attempt) => readonly Message[]
  /** What was asked for. Absent: an answer to a chat. */
  readonly operation?: Operation | undefined
  /** Counts what an attempt was given that is not a chat. Absent: it is one. */
  readonly countInput?: ((attempt: Attempt) => Promise<number>) | undefined
  /** The conversation that question and answer are kept in. Absent: nothing is kept. */
  readonly conversation?: Joined | undefined
  readonly responseId: string
  readonly attempts: readonly Attempt[]
  /** The attempt whose answer was passed on, the last one if several had a part in it; absent when nobody answered. */
  readonly answering: Attempt | undefined
  readonly answer: Answer
  /** What is held of the caller's limits for an attempt. Absent: nothing. */
  readonly holdOf?: ((attempt: Attempt) => AttemptHold | undefined) | undefined
  /** What an attempt wrote of the answer; empty for one of which nothing was passed on. */
  readonly writtenBy: (attempt: Attempt) => string
  readonly outcome: CallOutcome
  /** What the settlement says of the call's mark. Absent: none was set. */
  readonly endingOf?: (settled: Settled) => Ending | undefined
  /** Milliseconds that the call waited between its attempts: for a place, or before a retry. Absent: none. */
  readonly waitedMs?: number
}

/** What a call used and cost; absent when nobody can have billed it. */
export interface Settled {
  readonly usage?: Usage
  readonly cost?: Cost
}

/** Settles a call: books it, moves the metrics, and resolves once the journal has it. Throws what the journal throws. */
export async function settle(ended: Ended, deps: SettleDeps): Promise<Settled> {
  const { call, answer, attempts, outcome } = ended
  const booked = await bookHeld(ended, deps.counter)
  const settled = totalOf(booked)
  const last = ended.answering ?? attempts.at(-1)
  const origin = last === undefined ? undefined : askedOf(last)
  const durationMs = deps.clock.monotonic() - call.startedAtMs
  observe(ended, booked, settled, durationMs, deps.metrics)
  const now = deps.clock.now()
  const ending = ended.endingOf?.(settled)
  const message = answer.hasOutput()
    ? create(MessageSchema, answer.message(outcome.type !== 'completed'))
    : undefined
  const turn =
    message &&
    ended.conversation &&
    (await turnOf(
      ended.conversation,
      { responseId: ended.responseId, message },
      {
        counter: deps.counter,
        now,
        ttlMs: deps.conversationTtlMs,
        stored: ended.files?.stored,
      },
    ))
  await deps.journal.commit({
    responseId: ended.responseId,
    requestId: call.id,
    caller: call.caller,
    requestedModel: keptName(ended.request.model),
    ...(ended.answering === undefined || origin === undefined ? {} : { answeredBy: origin }),
    outcome,
    attempts: attempts.map(attempt => attempt.record()),
    ...settled,
    ...(message === undefined ? {} : { answer: message }),
    ...(turn === undefined ? {} : { turn }),
    ...(booked.length === 0 ? {} : { ledger: booked.map(one => lineOf(one, now)) }),
    ...(ending === undefined ? {} : { ending }),
    startedAt: now - durationMs,
    durationMs,
  })
  return settled
}

/** The name that was asked for, as far as names go: a refused request may have put anything of any length there. */
function keptName(model: string): string {
  if (model.length <= REQUEST_LIMITS.nameCharacters) return model
  // A slice of a string keeps the whole of it in memory; what is decoded from bytes is a string of its own.
  return `${Buffer.from(model.slice(0, REQUEST_LIMITS.nameCharacters)).toString()}…`
}

function lineOf({ attempt, usage, cost }: BookedAttempt, now: number): LedgerLine {
  const { cause } = attempt
  return {
    id: uuidv7(now),
    ...askedOf(attempt),
    keyLabel: attempt.record().keyLabel ?? '',
    usage,
    cost,
    cause,
  }
}

/**
 * Books, and puts the truth in the place of what was held of the caller's limits: before the ledger has it, so that whoever
 * dies in between has counted too much rather than too little.
 */
async function bookHeld(ended: Ended, counter: TokenCounter): Promise<readonly BookedAttempt[]> {
  try {
    const booked = await book(ended, counter)
    for (const attempt of ended.attempts) {
      const one = booked.find(each => each.attempt === attempt)
      if (one === undefined) ended.holdOf?.(attempt)?.giveBack(attempt.sentMs() !== undefined)
      else ended.holdOf?.(attempt)?.settle(truthOf(one))
    }
    return booked
  } catch (caught) {
    for (const attempt of ended.attempts) ended.holdOf?.(attempt)?.keep()
    throw caught
  }
}

function truthOf({ usage, cost: { known, nanoUsd } }: BookedAttempt): AttemptTruth {
  return { tokens: usage.inputTokens + usage.outputTokens, ...(known ? { nanoUsd } : {}) }
}

/** Books every attempt that may be billed: an answer that broke and the loser of a hedge are not free because nobody read them. */
async function book(ended: Ended, counter: TokenCounter): Promise<readonly BookedAttempt[]> {
  const booked: BookedAttempt[] = []
  for (const attempt of ended.attempts) {
    const usage = await usageOf(ended, attempt, counter)
    if (usage !== undefined) booked.push({ attempt, usage, cost: costOfAttempt(attempt, usage, ended) })
  }
  return booked
}

/**
 * What an attempt used, if its provider may bill it: reported numbers where there are some, else it is counted here. What is
 * reported of an answer that did not come to its end may be older than the last of its text.
 */
async function usageOf(ended: Ended, attempt: Attempt, counter: TokenCounter): Promise<Usage | undefined> {
  if (!attempt.mayBeBilled()) return undefined
  const reported = attempt.counts()
  if (reported !== undefined && attempt.record().outcome === RouteAttempt_Outcome.SUCCEEDED)
    return create(UsageSchema, { ...reported, provenance: Provenance.REPORTED })
  const { tokens: written } = await counter.countText(ended.writtenBy(attempt))
  // A count that is above the cap that was sent is one of another tokenizer.
  const cap = ended.holdOf?.(attempt)?.outputCap ?? ended.request.maxOutputTokens
  const outputTokens = Math.min(written, cap ?? written)
  if (reported !== undefined) {
    return reported.outputTokens >= outputTokens
      ? create(UsageSchema, { ...reported, provenance: Provenance.PARTIAL })
      : create(UsageSchema, { ...reported, outputTokens, provenance: Provenance.ESTIMATED })
  }
  const countChat = () =>
    countTokensOf(countedRequest(ended.request, ended.givenTo(attempt), ended.files?.stored), counter)
  const counted = {
    inputTokens: await (ended.countInput ?? countChat)(attempt),
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens,
    reasoningTokens: 0,
  }
  return create(UsageSchema, { ...soundCounts(counted), provenance: Provenance.ESTIMATED })
}

/** The sum of all that was booked; its numbers are as sure as the least sure of them. */
function totalOf(booked: readonly BookedAttempt[]): Settled {
  const [first] = booked
  if (first === undefined) return {}
  if (booked.length === 1) return { usage: first.usage, cost: first.cost }
  const sum = (count: (counts: Usage) => number): number =>
    booked.reduce((total, { usage }) => total + count(usage), 0)
  const counts = soundCounts({
    inputTokens: sum(usage => usage.inputTokens),
    cachedInputTokens: sum(usage => usage.cachedInputTokens),
    cacheWriteTokens: sum(usage => usage.cacheWriteTokens),
    outputTokens: sum(usage => usage.outputTokens),
    reasoningTokens: sum(usage => usage.reasoningTokens),
  })
  // The list of where numbers come from is in the order of how sure they are.
  const [provenance = first.usage.provenance] = booked
    .map(({ usage }) => usage.provenance)
    .toSorted((a, b) => b - a)
  const known = booked.every(({ cost }) => cost.known)
  return {
    usage: create(UsageSchema, { ...counts, provenance }),
    cost: create(CostSchema, {
      known,
      nanoUsd: booked.reduce((total, { cost }) => total + cost.nanoUsd, 0n),
      lines: booked.flatMap(({ cost }) => cost.lines),
      priceVersion: known ? first.cost.priceVersion : '',
    }),
  }
}
