// The models that fit a request, each with its score and its group.
import { type CompleteRequest, Routing_Prefer as Prefer } from '#gen/exai/v1/chat_service_pb'
import { type AutoModel, autoModelOf, expectedNanoUsd } from '../catalogue/auto-model.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { ModelEntry, Quality } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'
import type { Kept } from './affinity.ts'
import type { AutoRule, Weights } from './auto-rules.ts'
import {
  LEAST_NANO_USD_PER_TOKEN,
  type Measured,
  type Parts,
  partsOf,
  scoreOf,
  wantedQuality,
  weightsOf,
} from './auto-score.ts'
import type { GroupReason } from './auto-words.ts'
import { isEmulated, type Needs } from './capabilities.ts'
import { AT_FIRST, type Forecast, type Live } from './live.ts'
import type { Judge, Skipped } from './skip.ts'

/** What entrants are looked for with. */
export interface EntrantsInput {
  readonly request: CompleteRequest
  readonly rule: AutoRule
  readonly needs: Needs
  /** Tokens of the input, counted or estimated. */
  readonly inputTokens: number
  readonly judge: Judge
  readonly catalogue: Catalogue
  /** Whose models may enter, in configured order. */
  readonly providers: readonly Provider[]
  /** Milliseconds since the Unix epoch. */
  readonly now: number
  /** Absent: every model is expected to do as all others. */
  readonly live?: Pick<Live, 'forecast'> | undefined
  /** The model that the conversation is with. */
  readonly kept?: Kept | undefined
  /** Whether a model is settled elsewhere in the request. */
  readonly isSettled: (model: ModelEntry) => boolean
}

/** One who fits. */
export interface Entrant {
  readonly provider: Provider
  readonly model: ModelEntry
  readonly measured: Measured
  /** Whoever is in a smaller group comes first, whatever the score. */
  readonly group: number
  /** Whether it enters only as the model of the conversation: `auto` would not offer it. */
  readonly isGuest: boolean
  parts: Parts
  score: number
}

/** One who is left out. */
export interface LeftOut extends Skipped {
  readonly provider: Provider
  readonly model: ModelEntry
}

/** Everybody who entered, in configured order, and the weights of their scores. */
export interface Entrants {
  readonly entrants: readonly Entrant[]
  readonly leftOut: readonly LeftOut[]
  readonly weights: Weights
}

/** What puts a model into a later group, and by how much. */
const GROUPS = { format: 4, thought: 2, least: 1 } as const satisfies Record<GroupReason, number>

const UNMEASURED: Parts = { quality: 0, cost: 0, latency: 0, success: 0 }

/** Looks who fits, and scores them. */
export function findEntrants(input: EntrantsInput): Entrants {
  const { request, rule, providers, catalogue, now, kept } = input
  const entrants: Entrant[] = []
  const leftOut: LeftOut[] = []
  const forecast = input.live?.forecast() ?? (() => AT_FIRST)
  const enter = (provider: Provider, model: AutoModel, isGuest: boolean): void => {
    const { entry } = model
    const skipped = input.judge(provider, entry)
    if (skipped !== undefined) leftOut.push({ ...skipped, provider, model: entry })
    else entrants.push(entrantOf(input, forecast, provider, model, isGuest))
  }
  for (const provider of providers) {
    for (const model of catalogue.autoModels(provider.id)) {
      if (now < model.goneAtMs && !input.isSettled(model.entry)) enter(provider, model, false)
    }
    if (kept?.provider !== provider.id) continue
    const [home] = catalogue.find(`${kept.provider}/${kept.model}`, { providers: [provider.id] })
    const isHere = [...entrants, ...leftOut].some(one => one.provider === provider && one.model === home)
    if (home !== undefined && !isHere && !input.isSettled(home)) enter(provider, autoModelOf(home), true)
  }
  const prefer = request.routing?.prefer ?? Prefer.UNSPECIFIED
  const weights = weightsOf(prefer, rule)
  rate(entrants, wantedQuality(prefer, rule), weights)
  return { entrants, leftOut, weights }
}

/** Why a model stands in its group and not in the one of another model, where the other's is the smaller one. */
export function groupReason(group: number, other: number): GroupReason | undefined {
  const reasons: readonly GroupReason[] = ['format', 'thought', 'least']
  return reasons.find(reason => (group & GROUPS[reason]) > (other & GROUPS[reason]))
}

function entrantOf(
  { request, rule, needs, inputTokens, kept }: EntrantsInput,
  forecast: Forecast,
  provider: Provider,
  model: AutoModel,
  isGuest: boolean,
): Entrant {
  const { entry, quality } = model
  const outputTokens = Math.min(rule.outputTokens, request.maxOutputTokens ?? rule.outputTokens)
  const isHome = kept?.model === entry.id && kept.provider === provider.id
  const cachedTokens = isHome ? Math.min(kept.cachedTokens, inputTokens) : 0
  const use = { inputTokens, outputTokens, cachedTokens }
  const nanoUsd = expectedNanoUsd(model, use)
  const leastNanoUsd = LEAST_NANO_USD_PER_TOKEN * (inputTokens - cachedTokens + outputTokens)
  const { firstTokenMs, tokensPerSecond, successRate } = forecast(provider.id, entry.id)
  const group =
    (isEmulated(needs.format, entry) ? GROUPS.format : 0) +
    (rule.mustThink === true && entry.reasoning === 'none' ? GROUPS.thought : 0) +
    (quality < rule.least ? GROUPS.least : 0)
  const measured = {
    quality,
    nanoUsd: nanoUsd === undefined ? undefined : Math.max(nanoUsd, leastNanoUsd),
    answerMs: Math.max(1, firstTokenMs + (outputTokens / Math.max(tokensPerSecond, 0.1)) * 1_000),
    successRate,
  }
  return { provider, model: entry, measured, group, isGuest, parts: UNMEASURED, score: 0 }
}

function rate(entrants: readonly Entrant[], wanted: Quality, weights: Weights): void {
  const best = { nanoUsd: Number.POSITIVE_INFINITY, answerMs: Number.POSITIVE_INFINITY }
  for (const { measured } of entrants) {
    best.nanoUsd = Math.min(best.nanoUsd, measured.nanoUsd ?? Number.POSITIVE_INFINITY)
    best.answerMs = Math.min(best.answerMs, measured.answerMs)
  }
  for (const entrant of entrants) {
    entrant.parts = partsOf(entrant.measured, wanted, best)
    entrant.score = scoreOf(entrant.parts, weights)
  }
}
