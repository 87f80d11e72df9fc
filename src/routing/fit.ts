// Whether a request fits a model's window, and the most that it may cost there.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { costCeiling } from '../catalogue/price.ts'
import type { ModelEntry } from '../core/model.ts'
import { canCount, type Needs, needsOf } from './capabilities.ts'

/** Most tokens of an answer whose request sets a price ceiling and no cap: without one no price would be certain. */
export const REFERENCE_OUTPUT_TOKENS = 16_384

/**
 * The cap that must be sent for the price to be certain: there is a ceiling, and the request has no cap of its own.
 * Undefined when what the request says is sent as it is; under `strict` nothing may be put in its place.
 */
export function outputCapOf(request: CompleteRequest, model: ModelEntry): number | undefined {
  if (request.routing?.maxCostNanoUsd === undefined) return undefined
  if (request.maxOutputTokens !== undefined || request.strict) return undefined
  return Math.min(model.maxOutputTokens ?? REFERENCE_OUTPUT_TOKENS, REFERENCE_OUTPUT_TOKENS)
}

/**
 * The most that a request can cost with a model, in nano-USD; undefined when its price or its size is not known. `needs` are
 * those of its whole chat; absent: the request is the chat.
 */
export function maxCostOf(
  request: CompleteRequest,
  model: ModelEntry,
  inputTokens: number,
  needs: Needs = needsOf(request),
): bigint | undefined {
  const output =
    outputCapOf(request, model) ??
    Math.min(
      request.maxOutputTokens ?? Number.POSITIVE_INFINITY,
      model.maxOutputTokens ?? Number.POSITIVE_INFINITY,
    )
  // What media cost in tokens is not public: they may fill all the room that there is.
  const input = canCount(needs, model) ? inputTokens : (model.maxInputTokens ?? model.contextWindow)
  if (input === undefined || !Number.isFinite(output)) return undefined
  return costCeiling(model.price, input, output)
}

/** Says why a model may cost more than the request allows; undefined when it cannot, or when there is no ceiling. */
export function priceProblem(
  request: CompleteRequest,
  model: ModelEntry,
  inputTokens: number,
  needs?: Needs,
): string | undefined {
  const ceiling = request.routing?.maxCostNanoUsd
  if (ceiling === undefined) return undefined
  const cost = maxCostOf(request, model, inputTokens, needs)
  if (cost === undefined) {
    const unknown = model.price === undefined ? 'its price is' : 'how many tokens it may use is'
    return `${unknown} not known, and routing.max_cost_nano_usd is ${ceiling}`
  }
  return cost > ceiling ? `may cost ${cost} nano-USD, and routing.max_cost_nano_usd is ${ceiling}` : undefined
}

/** Says by how much a request is too long for a model; undefined when it fits, or when the model's sizes are not known. */
export function lengthProblem(
  request: CompleteRequest,
  model: ModelEntry,
  inputTokens: number,
): string | undefined {
  const { contextWindow, maxInputTokens } = model
  if (maxInputTokens !== undefined && inputTokens > maxInputTokens)
    return `needs ${inputTokens} tokens of input, and takes at most ${maxInputTokens}`
  if (contextWindow === undefined) return undefined
  const needed = inputTokens + claimedOutput(request, model, contextWindow)
  return needed > contextWindow ? `needs ${needed} tokens, its context window is ${contextWindow}` : undefined
}

/** The part of the window that the answer claims. A cap as large as the window claims none: it is cut to what is left. */
function claimedOutput(request: CompleteRequest, model: ModelEntry, contextWindow: number): number {
  const asked = outputCapOf(request, model) ?? request.maxOutputTokens ?? 0
  const sent = Math.min(asked, model.maxOutputTokens ?? asked)
  return sent < contextWindow ? sent : 0
}

/** Share of a window that is left for an answer without a cap, at most. */
const ANSWER_SHARE = 1 / 4

/** Tokens of input beside which a model has room for its answer; undefined when its sizes are not known. */
export function inputRoom(request: CompleteRequest, model: ModelEntry): number | undefined {
  const { contextWindow, maxInputTokens, maxOutputTokens = REFERENCE_OUTPUT_TOKENS } = model
  if (contextWindow === undefined) return maxInputTokens
  const asked = outputCapOf(request, model) ?? request.maxOutputTokens
  const claimed =
    asked === undefined
      ? Math.min(maxOutputTokens, REFERENCE_OUTPUT_TOKENS, Math.floor(contextWindow * ANSWER_SHARE))
      : claimedOutput(request, model, contextWindow)
  return Math.min(contextWindow - claimed, maxInputTokens ?? contextWindow)
}
