// The rules of a request for embeddings, as one table: what the contract says of each field, checked before anything is done.
import type { EmbedRequest } from '#gen/exai/v1/embeddings_service_pb'
import { barredFieldIn, foreignFileIn } from '../chat/own-options.ts'
import { REQUEST_LIMITS } from '../chat/validate.ts'
import { GatewayError } from '../core/errors.ts'
import { isAuto } from '../routing/names.ts'

/** Most texts of one request: as many as OpenAI takes. */
export const INPUTS_MAX = 2_048

/** What is wrong with a field, or undefined. */
type Problem = string | undefined
type Rule = (request: EmbedRequest) => Problem

const RULES = {
  model: r => {
    if (r.model === '') return 'is required: a model id, provider/id or an alias'
    if (isAuto(r.model))
      return 'must not be auto: vectors of different models cannot be compared, so name the model'
    return atMost(r.model.length, REQUEST_LIMITS.nameCharacters, 'characters')
  },
  inputs: r => {
    if (r.inputs.length === 0) return 'needs at least one text'
    const empty = r.inputs.indexOf('')
    if (empty >= 0) return `[${empty}] is empty: leave it out`
    return atMost(r.inputs.length, INPUTS_MAX, 'texts')
  },
  dimensions: r => (r.dimensions === undefined || r.dimensions >= 1 ? undefined : 'must be at least 1'),
  user: r => atMost(r.user.length, REQUEST_LIMITS.hintCharacters, 'characters'),
  provider_options: r =>
    atMost(Object.keys(r.providerOptions).length, REQUEST_LIMITS.providerOptions, 'providers') ??
    optionsProblem(r.providerOptions),
} as const satisfies Record<string, Rule>

/** Checks a request against the contract. Throws INVALID_REQUEST naming the first field that breaks it. */
export function validateEmbedRequest(request: EmbedRequest): void {
  for (const [field, rule] of Object.entries<Rule>(RULES)) {
    const problem = rule(request)
    if (problem === undefined) continue
    // A problem that begins with a deeper place goes on with the field's name.
    throw new GatewayError('INVALID_REQUEST', /^[.[]/.test(problem) ? field + problem : `${field} ${problem}`)
  }
}

/** Most of a place within fields that the caller has named. */
const PLACE_CHARACTERS = 256

function optionsProblem(options: EmbedRequest['providerOptions']): Problem {
  const barred = barredFieldIn(options, 'embed')
  if (barred !== undefined) return barred
  const place = foreignFileIn(options)
  if (place === undefined) return undefined
  return `${place.slice(0, PLACE_CHARACTERS)} names a file at the provider: read it yourself, and send its text`
}

function atMost(count: number, limit: number, unit: string): Problem {
  return count > limit ? `takes at most ${limit} ${unit}, and got ${count}` : undefined
}
