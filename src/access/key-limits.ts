// Limits and policies of keys, from the contract's messages and back.
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  Limit_Kind as Kind,
  type LimitSchema,
  Limit_OutagePolicy as Outage,
  type PolicySchema,
  type Limit as WireLimit,
  type Policy as WirePolicy,
} from '#gen/exai/v1/key_pb'
import { GatewayError } from '../core/errors.ts'
import type { Limit, LimitKind, OutagePolicy, Policy } from '../core/limits.ts'

const LIMITS_MAX = 64
const NAMES_MAX = 256
const NAME_CHARACTERS_MAX = 256

const kinds = {
  requests_per_minute: Kind.REQUESTS_PER_MINUTE,
  tokens_per_minute: Kind.TOKENS_PER_MINUTE,
  concurrent_calls: Kind.CONCURRENT_CALLS,
  day_budget: Kind.DAY_BUDGET,
  month_budget: Kind.MONTH_BUDGET,
  stored_bytes: Kind.STORED_BYTES,
} as const satisfies Record<LimitKind, Kind>

const outages = {
  allow: Outage.ALLOW,
  share: Outage.SHARE,
  deny: Outage.DENY,
} as const satisfies Record<OutagePolicy, Outage>

/** The limits of a request. Throws INVALID_REQUEST naming the place. */
export function limitsOf(wire: readonly WireLimit[]): readonly Limit[] {
  if (wire.length > LIMITS_MAX) throw invalid('limits', `must be at most ${LIMITS_MAX}`)
  const limits = wire.map((limit, index) => limitOf(limit, `limits[${index}]`))
  const seen = new Set<string>()
  for (const [index, { kind, model = '' }] of limits.entries()) {
    const name = `${kind} ${model.toLowerCase()}`
    if (seen.has(name))
      throw invalid(`limits[${index}]`, 'has the kind and model of an earlier one: give one of each')
    seen.add(name)
  }
  return limits
}

function limitOf({ kind: wireKind, value, model, outagePolicy }: WireLimit, place: string): Limit {
  const kind = nameIn(kinds, wireKind)
  if (kind === undefined) throw invalid(`${place}.kind`, 'is required, and must be a known one')
  if (kind === 'stored_bytes') throw invalid(`${place}.kind`, 'is a limit of tenants, and not of keys')
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
    throw invalid(`${place}.value`, `must be from 0 to ${Number.MAX_SAFE_INTEGER}`)
  if (model !== '' && !isName(model)) throw invalid(`${place}.model`, NAME_RULE)
  if (model.includes('*'))
    throw invalid(`${place}.model`, 'must be one model, or be left out for all together')
  const outage = nameIn(outages, outagePolicy)
  if (outage === undefined && outagePolicy !== Outage.UNSPECIFIED)
    throw invalid(`${place}.outage_policy`, 'must be a known one')
  return {
    kind,
    value: Number(value),
    ...(model === '' ? {} : { model }),
    ...(outage === undefined ? {} : { outagePolicy: outage }),
  }
}

/** The policy of a request. Throws INVALID_REQUEST naming the place. */
export function policyOf(wire: WirePolicy): Policy {
  const { maxPromptTokens } = wire
  if (maxPromptTokens !== undefined && maxPromptTokens < 1)
    throw invalid('policy.max_prompt_tokens', 'must be at least 1')
  return {
    allowedModels: modelsOf(wire.allowedModels, 'policy.allowed_models'),
    deniedModels: modelsOf(wire.deniedModels, 'policy.denied_models'),
    allowedTools: namesOf(wire.allowedTools, 'policy.allowed_tools'),
    deniedTools: namesOf(wire.deniedTools, 'policy.denied_tools'),
    ...(maxPromptTokens === undefined ? {} : { maxPromptTokens }),
  }
}

// A pattern that means nothing must not look as if it forbade something.
function modelsOf(models: readonly string[], place: string): readonly string[] {
  for (const [index, model] of namesOf(models, place).entries()) {
    if (model.includes('*') && !/^[^*/]+\/\*$/.test(model))
      throw invalid(`${place}[${index}]`, 'may have a * only in the form provider/*')
  }
  return models
}

function namesOf(names: readonly string[], place: string): readonly string[] {
  if (names.length > NAMES_MAX) throw invalid(place, `must be at most ${NAMES_MAX}`)
  const wrong = names.findIndex(name => !isName(name))
  if (wrong >= 0) throw invalid(`${place}[${wrong}]`, NAME_RULE)
  return names
}

const NAME_RULE = `must have 1 to ${NAME_CHARACTERS_MAX} characters without spaces and control characters`

function isName(name: string): boolean {
  return name !== '' && [...name].length <= NAME_CHARACTERS_MAX && !/[\p{Cc}\s]/u.test(name)
}

/** Limits as the contract tells them. */
export function wireLimits(limits: readonly Limit[]): MessageInitShape<typeof LimitSchema>[] {
  return limits.map(({ kind, value, model = '', outagePolicy }) => ({
    kind: kinds[kind],
    value: BigInt(value),
    model,
    ...(outagePolicy === undefined ? {} : { outagePolicy: outages[outagePolicy] }),
  }))
}

/** A policy as the contract tells it. */
export function wirePolicy(policy: Policy): MessageInitShape<typeof PolicySchema> {
  const { maxPromptTokens } = policy
  return {
    allowedModels: [...policy.allowedModels],
    deniedModels: [...policy.deniedModels],
    allowedTools: [...policy.allowedTools],
    deniedTools: [...policy.deniedTools],
    ...(maxPromptTokens === undefined ? {} : { maxPromptTokens }),
  }
}

function nameIn<Name extends string>(table: Readonly<Record<Name, number>>, value: number): Name | undefined {
  // The keys of a table are the names that its type lists.
  return (Object.keys(table) as Name[]).find(name => table[name] === value)
}

function invalid(place: string, problem: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', `${place} ${problem}`)
}
