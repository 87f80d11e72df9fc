// How well a model suits a request: four parts between 0 and 1, weighed by what the caller prefers.
import { Routing_Prefer as Prefer } from '#gen/exai/v1/chat_service_pb'
import type { Quality } from '../core/model.ts'
import type { AutoRule, Weights } from './auto-rules.ts'

/** One of the four parts. */
export type Part = keyof Weights

/** The parts, each from 0 to 1, where 1 is best. */
export type Parts = Readonly<Record<Part, number>>

/** What is known of a model for one request, before it is held against the others. */
export interface Measured {
  readonly quality: Quality
  /** Expected cost in nano-USD; undefined when the price is unknown. */
  readonly nanoUsd: number | undefined
  /** Expected time to the end of the answer, in milliseconds, above 0. */
  readonly answerMs: number
  /** From 0 to 1. */
  readonly successRate: number
}

/** The best of all models that fit. */
export interface Best {
  readonly nanoUsd: number
  readonly answerMs: number
}

/** Every part, in the order in which equal ones are named. */
export const PARTS: readonly Part[] = ['quality', 'cost', 'latency', 'success']

/** Steps of quality between the best and the worst. */
const QUALITY_STEPS = 4
/** A cost so many powers of ten above the lowest is worth nothing. */
export const COST_DECADES = 4
/** The same for the time to the end of the answer. */
export const LATENCY_DECADES = 2
/**
 * The least that a token is taken to cost, in nano-USD: 0.10 USD per million. What is free is paid for with its limits, and
 * below this no difference is worth a worse answer.
 */
export const LEAST_NANO_USD_PER_TOKEN = 100

/**
 * The weights. In balance one step of quality weighs as much as ten times the cost, as ten times the time, and as 40 of
 * 100 answers that fail.
 */
// biome-ignore format: a table.
const WEIGHTS: ReadonlyMap<Prefer, Weights> = new Map([
  [Prefer.UNSPECIFIED, { quality: 0.32, cost: 0.32, latency: 0.16, success: 0.2 }],
  [Prefer.COST,        { quality: 0.12, cost: 0.60, latency: 0.08, success: 0.2 }],
  [Prefer.LATENCY,     { quality: 0.16, cost: 0.16, latency: 0.48, success: 0.2 }],
  [Prefer.QUALITY,     { quality: 0.60, cost: 0.12, latency: 0.08, success: 0.2 }],
])

const balance: Weights = { quality: 0.32, cost: 0.32, latency: 0.16, success: 0.2 }

/** The weights for a request: the table's row for what it prefers, and what its rule moves. None falls below 0. */
export function weightsOf(prefer: Prefer, { shift }: Pick<AutoRule, 'shift'>): Weights {
  const base = WEIGHTS.get(prefer) ?? balance
  if (shift === undefined) return base
  const moved = (part: Part): number => Math.max(0, base[part] + (shift[part] ?? 0))
  return {
    quality: moved('quality'),
    cost: moved('cost'),
    latency: moved('latency'),
    success: moved('success'),
  }
}

/** The quality that is good enough: the rule's, or the best there is where the caller prefers quality. */
export function wantedQuality(prefer: Prefer, { wants }: Pick<AutoRule, 'wants'>): Quality {
  return prefer === Prefer.QUALITY ? 5 : wants
}

/** Holds a model against what is wanted and the best of the others. */
export function partsOf(measured: Measured, wanted: Quality, best: Best): Parts {
  const { quality, nanoUsd, answerMs, successRate } = measured
  return {
    quality: 1 - Math.max(0, wanted - quality) / QUALITY_STEPS,
    cost: nanoUsd === undefined ? 0 : nearness(nanoUsd / best.nanoUsd, COST_DECADES),
    latency: nearness(answerMs / best.answerMs, LATENCY_DECADES),
    success: successRate,
  }
}

/** The score, 0 to 1: higher is better. */
export function scoreOf(parts: Parts, weights: Weights): number {
  return (
    parts.quality * weights.quality +
    parts.cost * weights.cost +
    parts.latency * weights.latency +
    parts.success * weights.success
  )
}

/** The part in which a model is furthest ahead of another one; undefined when it is ahead in none. */
export function decidingPart(parts: Parts, other: Parts, weights: Weights): Part | undefined {
  let deciding: Part | undefined
  let most = NEARLY_EQUAL
  for (const part of PARTS) {
    const lead = (parts[part] - other[part]) * weights[part]
    // A part that leads by nothing but rounding must not be named in place of the one before it.
    if (lead > most + NEARLY_EQUAL) {
      deciding = part
      most = lead
    }
  }
  return deciding
}

/** Scores that are nearer than this are equal: the rest is rounding. */
export const NEARLY_EQUAL = 1e-9

/** 1 for the best itself, falling evenly with each power of ten, 0 from `decades` of them on. */
function nearness(ratio: number, decades: number): number {
  return ratio <= 1 ? 1 : Math.max(0, 1 - Math.log10(ratio) / decades)
}
