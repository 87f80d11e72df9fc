// The reasons of `auto`, in a few words each.
import { Routing_Prefer as Prefer } from '#gen/exai/v1/chat_service_pb'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import type { Quality } from '../core/model.ts'
import type { Hold } from './affinity.ts'
import type { AutoFacts } from './auto-facts.ts'
import type { AutoRule } from './auto-rules.ts'
import type { Part } from './auto-score.ts'
import type { Skipped } from './skip.ts'

const MODELS = {
  1: 'any model',
  2: 'a small model',
  3: 'an everyday model',
  4: 'a strong model',
  5: 'a frontier model',
} as const satisfies Record<Quality, string>

const PREFERRED: ReadonlyMap<Prefer, string> = new Map([
  [Prefer.COST, ', cost preferred'],
  [Prefer.LATENCY, ', latency preferred'],
  [Prefer.QUALITY, ', quality preferred'],
])

const DECIDED = {
  quality: 'best quality',
  cost: 'lowest cost',
  latency: 'quickest',
  success: 'most reliable',
} as const satisfies Record<Part, string>

const HOLDS = {
  signed: 'signed reasoning',
  warm: 'warm cache',
  recent: 'it just answered',
  loose: 'none is clearly better',
} as const satisfies Record<Hold, string>

/** Why somebody stands before all of the next group. */
export type GroupReason = 'format' | 'thought' | 'least'

const GROUPS = {
  format: 'it keeps to the format by itself',
  thought: 'it thinks first',
  least: 'the others are too weak',
} as const satisfies Record<GroupReason, string>

/** What a request wants, such as `tool use wants a strong model, cost preferred`. */
export function wish({ name, wants }: AutoRule, facts: AutoFacts, prefer: Prefer): string {
  return `${typeof name === 'string' ? name : name(facts)} wants ${MODELS[wants]}${PREFERRED.get(prefer) ?? ''}`
}

/** Why the first one is the first. Without a part it is equal to the next one, and only its place decides. */
export function first(wished: string, by: Part | GroupReason | 'alone' | 'place'): string {
  const words = { ...DECIDED, ...GROUPS, alone: 'the only one that fits', place: 'first of equals' }
  return `auto: ${wished}; ${words[by]}`
}

/** Why one follows: the best of those that are left, or of those of another provider. */
export function follower(wished: string, isOfAnotherProvider: boolean): string {
  return `auto: ${wished}; ${isOfAnotherProvider ? 'next provider' : 'next best'}`
}

/** Why a conversation stays with its model. */
export function stays(hold: Hold): string {
  return `auto: stays with the conversation's model (${HOLDS[hold]})`
}

/** Why a conversation leaves its model. */
export function left(kept: { readonly provider: string; readonly model: string }, why: string): string {
  return `auto: left ${kept.provider}/${kept.model} because ${why}`
}

/** Why one that may not be asked is left. */
export function leftFor({ reason, message }: Skipped): string {
  if (reason === Skip.CIRCUIT_OPEN) return 'its circuit is open'
  if (reason === Skip.NO_KEY) return 'it has no usable key'
  return reason === Skip.PRICE ? 'it may cost too much' : message
}

/** Why one that may be asked is left for a better one. */
export function leftForBetter(by: Part | undefined): string {
  return by === undefined ? 'another one is clearly better' : `another one is clearly better: ${DECIDED[by]}`
}

/** Why one that may be asked is left for one of a better group. */
export function leftForGroup(wished: string, by: GroupReason): string {
  return by === 'format' ? 'it does not keep to the format by itself' : wished
}
