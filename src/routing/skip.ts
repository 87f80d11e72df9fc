// Why a model may not be asked: one check after another, each with its reason.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { type Task, unroutableReason } from '../catalogue/entry.ts'
import type { Policy } from '../core/limits.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'
import { missingOf, type Needs } from './capabilities.ts'
import { lengthProblem, priceProblem } from './fit.ts'
import { isModelAllowed } from './policy.ts'

/** Why one model is left out. */
export interface Skipped {
  readonly reason: Skip
  /** For people, with the particulars. */
  readonly message: string
  readonly isTooLong?: true
  /** Whether the caller's policy forbids it. */
  readonly isForbidden?: true
}

/** What a request is judged with. */
export interface JudgeDeps {
  readonly request: CompleteRequest
  readonly needs: Needs
  /** Milliseconds since the Unix epoch. */
  readonly now: number
  /** Tokens of its input. Absent: nobody is left out for length or price. */
  readonly inputTokens?: number | undefined
  /** Tokens of the part of it that has to be sent. Absent: all of it. */
  readonly neededTokens?: number | undefined
  /** What the caller may ask for. Absent: everything. */
  readonly policies?: readonly Policy[] | undefined
  /** What is asked of the model. Absent: an answer to a chat. */
  readonly task?: Task | undefined
}

/** Says why a model may not be asked; undefined when it may. */
export type Judge = (provider: Provider, model: ModelEntry) => Skipped | undefined

/** What tells whether a circuit is open. */
export interface Refusals {
  /** Why a model would not be admitted now, and when it may be; undefined when it would. */
  refusal(
    provider: string,
    model: string,
  ): { readonly message: string; readonly retryAfterMs: number } | undefined
}

/** Makes the judge of one request. */
export function createJudge(deps: JudgeDeps): Judge {
  const { request, needs, now, inputTokens, neededTokens, policies = [], task = 'chat' } = deps
  const allow = lowered(request.routing?.allow)
  const deny = lowered(request.routing?.deny)
  return (provider, model) => {
    if (!isModelAllowed(policies, model))
      return { reason: Skip.POLICY, message: 'the policy of the caller does not allow it', isForbidden: true }
    if (deny.size > 0 && isNamed(deny, provider, model))
      return { reason: Skip.POLICY, message: 'routing.deny names it' }
    if (allow.size > 0 && !isNamed(allow, provider, model))
      return { reason: Skip.POLICY, message: 'routing.allow does not name it' }
    const unroutable = unroutableReason(model, now, task)
    if (unroutable !== '') {
      const otherwise = unroutableReason({ ...model, shutdown: undefined, status: 'current' }, now, task)
      return { reason: unroutable === otherwise ? Skip.CAPABILITY : Skip.SHUTDOWN, message: unroutable }
    }
    const missing = task === 'chat' ? missingOf(needs, model, provider) : missingToEmbed(provider)
    if (missing !== undefined) return { reason: Skip.CAPABILITY, message: missing }
    if (inputTokens !== undefined) {
      const tooLong = lengthProblem(request, model, neededTokens ?? inputTokens)
      if (tooLong !== undefined) return { reason: Skip.CAPABILITY, message: tooLong, isTooLong: true }
      const tooDear = priceProblem(request, model, inputTokens, needs)
      if (tooDear !== undefined) return { reason: Skip.PRICE, message: tooDear }
    }
    const { unusableReason } = provider
    return unusableReason === '' ? undefined : { reason: Skip.NO_KEY, message: unusableReason }
  }
}

function missingToEmbed({ id, embeds }: Provider): string | undefined {
  return embeds === true ? undefined : `${id} has no endpoint for embeddings at its address`
}

/** Says that the circuit of a model is open; undefined when it is not. */
export function circuitSkip(
  circuits: Refusals | undefined,
  provider: Provider,
  model: ModelEntry,
): Skipped | undefined {
  const refusal = circuits?.refusal(provider.id, model.id)
  return refusal === undefined ? undefined : { reason: Skip.CIRCUIT_OPEN, message: refusal.message }
}

function isNamed(names: ReadonlySet<string>, provider: Provider, { id, aliases }: ModelEntry): boolean {
  const owner = provider.id.toLowerCase()
  if (names.has(owner)) return true
  return [id, ...aliases].some(name => {
    const own = name.toLowerCase()
    return names.has(own) || names.has(`${owner}/${own}`)
  })
}

const NOBODY: ReadonlySet<string> = new Set()

function lowered(names: readonly string[] = []): ReadonlySet<string> {
  if (names.length === 0) return NOBODY
  return new Set(names.map(name => name.toLowerCase()))
}
