// Whether a request fits a model's window, and the most that it may cost there.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { costCeiling } from '../catalogue/price.ts'
import type { ModelEntry } from '../core/model.ts'
import { canCount, isEmulated, type Needs, needsOf } from './capabilities.ts'

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
  return costCeiling(model.price, input, output, { serviceTier: request.serviceTier })
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

/** The most that one answer can use of a model, in tokens; what is absent is not known. */
export interface WorstCase {
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  /** Whether less may be asked for: the request sets no cap, and does not say that nothing may be put in its place. */
  readonly mayShrink: boolean
  /** The most that it costs with so many tokens of output, in nano-USD; undefined when that is not known. */
  readonly cost: (outputTokens: number) => bigint | undefined
}

/** Searches that one answer makes at most, as far as anybody can say; each is billed. */
const SEARCHES_MAX = 5
/** What a second request for the same answer says beside the first one and its wrong answer, in tokens, at most. */
const REPAIR_TOKENS = 1_000

/** How large a request is. */
interface Sizes {
  /** Absent: not known. */
  readonly inputTokens: number | undefined
  readonly needs: Needs
  /** Most requests for one answer that searches. Default: one. */
  readonly searchRounds?: number | undefined
  /** Whether the form of its answer may be asked for twice, although the model has such a mode. Default: it is not. */
  readonly repairs?: boolean | undefined
}

/** The worst case of a request with a model; what it needs is told by the whole chat. */
export function worstCaseOf(
  request: CompleteRequest,
  model: ModelEntry,
  { inputTokens, needs, searchRounds = 1, repairs = false }: Sizes,
): WorstCase {
  const most = model.maxInputTokens ?? model.contextWindow
  const { maxOutputTokens: asked, strict } = request
  const mayShrink = asked === undefined && !strict
  const own = model.maxOutputTokens ?? Number.POSITIVE_INFINITY
  const output = Math.min(own, asked ?? (mayShrink ? REFERENCE_OUTPUT_TOKENS : own))
  const isSearching = request.webSearch !== undefined
  // What media and the results of searches cost in tokens is not public: they may fill all the room that there is.
  const input = isSearching || !canCount(needs, model) ? most : inputTokens
  const outputTokens = Number.isFinite(output) ? output : undefined
  // A form that is emulated may be asked for once more, with the wrong answer in the question.
  const isTwice = repairs || isEmulated(needs.format, model)
  const again = (written: number): number => (input ?? 0) + written + REPAIR_TOKENS
  const extras = { serviceTier: request.serviceTier, searches: isSearching ? SEARCHES_MAX : 0 }
  // Where each search is a request of its own, every one of them may be as long as there is room, and be answered as long.
  const rounds = isSearching ? searchRounds : 1
  const tokensOf = (read: number): number => (rounds === 1 ? read : rounds * read + (rounds - 1) * output)
  /** What all rounds cost that read so much, each. */
  const ceiling = (read: number, written: number): bigint | undefined => {
    const last = costCeiling(model.price, read, written, extras)
    const round = costCeiling(model.price, read, written, { serviceTier: request.serviceTier })
    return last === undefined || round === undefined ? undefined : last + BigInt(rounds - 1) * round
  }
  return {
    inputTokens:
      input === undefined || !isTwice
        ? input && tokensOf(input)
        : tokensOf(input) + output + tokensOf(again(output)),
    outputTokens,
    mayShrink,
    cost(tokens) {
      if (input === undefined) return undefined
      const first = ceiling(input, tokens)
      const second = isTwice ? ceiling(again(tokens), tokens) : 0n
      return first === undefined || second === undefined ? undefined : first + second
    },
  }
}
