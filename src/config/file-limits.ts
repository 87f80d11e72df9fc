// The limits in the config file: what tenants and models may use, and what tenants may ask for.
import * as z from 'zod'
import { type Limit, type LimitKind, OUTAGE_POLICIES, type Policy } from '../core/limits.ts'
import { nanoUsdFromUsd, usdMax } from '../core/money.ts'
import type { RulesConfig } from './snapshot.ts'

/** As many names as a policy may list. */
const policyNamesMax = 256
const nameLengthMax = 256

/** A number alone, or with what happens while replicas cannot count together. */
const valued = (value: z.ZodNumber) =>
  z.preprocess(
    given => (typeof given === 'number' ? { value: given } : given),
    z.strictObject({ value, outage: z.enum(OUTAGE_POLICIES).optional() }).optional(),
  )
const count = valued(z.int().min(0).max(Number.MAX_SAFE_INTEGER))
const usd = valued(z.number().min(0).max(usdMax))

const modelLimits = z.strictObject({
  requests_per_minute: count,
  tokens_per_minute: count,
  concurrent_calls: count,
  day_budget_usd: usd,
  month_budget_usd: usd,
  outage: z.enum(OUTAGE_POLICIES).optional(),
})

const byModel = z.record(z.string(), modelLimits).optional()

const tenantLimits = modelLimits.extend({
  stored_bytes: count,
  models: byModel,
})

const names = z.array(z.string().min(1).max(nameLengthMax)).max(policyNamesMax).optional()

const policy = z.strictObject({
  allowed_models: names,
  denied_models: names,
  allowed_tools: names,
  denied_tools: names,
  max_prompt_tokens: z.int().min(1).max(2_147_483_647).optional(),
})

/** The section `limits`. */
export const limitsSchema = z.strictObject({
  tenants: z.record(z.string(), tenantLimits).optional(),
  models: byModel,
  policies: z.record(z.string(), policy).optional(),
})

/** The section as it was read. */
export type FileLimits = z.infer<typeof limitsSchema>

/** A place in the file and what is wrong there. */
interface Problem {
  readonly path: readonly PropertyKey[]
  readonly problem: string
}

/** What the section says; undefined when it says nothing. */
export function rulesOf(limits: FileLimits | undefined): RulesConfig | undefined {
  if (limits === undefined) return undefined
  const { tenants = {}, models = {}, policies = {} } = limits
  return {
    tenants: Object.entries(tenants).map(([tenant, own]) => ({
      tenant,
      limits: [
        ...limitsOf(own),
        ...Object.entries(own.models ?? {}).flatMap(([model, its]) => limitsOf(its, model)),
      ],
    })),
    models: Object.entries(models).flatMap(([model, its]) => limitsOf(its, model)),
    policies: Object.entries(policies).map(([tenant, own]) => ({ tenant, policy: policyOf(own) })),
  }
}

type Given = Partial<z.infer<typeof tenantLimits>>
type Valued = Given['requests_per_minute']

function limitsOf(given: Given, model?: string): readonly Limit[] {
  const limit = (kind: LimitKind, one: Valued, value = one?.value): readonly Limit[] => {
    if (value === undefined) return []
    const outagePolicy = one?.outage ?? given.outage
    return [
      {
        kind,
        value,
        ...(model === undefined ? {} : { model: model.toLowerCase() }),
        ...(outagePolicy === undefined ? {} : { outagePolicy }),
      },
    ]
  }
  return [
    ...limit('requests_per_minute', given.requests_per_minute),
    ...limit('tokens_per_minute', given.tokens_per_minute),
    ...limit('concurrent_calls', given.concurrent_calls),
    ...limit('day_budget', given.day_budget_usd, nanoUsdOf(given.day_budget_usd)),
    ...limit('month_budget', given.month_budget_usd, nanoUsdOf(given.month_budget_usd)),
    ...limit('stored_bytes', given.stored_bytes),
  ]
}

function nanoUsdOf(one: Valued): number | undefined {
  const nanoUsd = one === undefined ? undefined : nanoUsdFromUsd(one.value)
  return nanoUsd === undefined ? undefined : Number(nanoUsd)
}

function policyOf(given: z.infer<typeof policy>): Policy {
  return {
    allowedModels: given.allowed_models ?? [],
    deniedModels: given.denied_models ?? [],
    allowedTools: given.allowed_tools ?? [],
    deniedTools: given.denied_tools ?? [],
    ...(given.max_prompt_tokens === undefined ? {} : { maxPromptTokens: given.max_prompt_tokens }),
  }
}

const tenantName = /^(\*|[A-Za-z0-9._:@-]{1,128})$/

/** What is wrong with names of tenants and models. */
export function checkLimits(limits: FileLimits | undefined): readonly Problem[] {
  const { tenants = {}, models = {}, policies = {} } = limits ?? {}
  return [
    ...checkTenants(Object.keys(tenants), ['limits', 'tenants']),
    ...checkTenants(Object.keys(policies), ['limits', 'policies']),
    ...checkModels(Object.keys(models), ['limits', 'models']),
    ...Object.entries(tenants).flatMap(([tenant, own]) =>
      checkModels(Object.keys(own.models ?? {}), ['limits', 'tenants', tenant, 'models']),
    ),
    ...Object.entries(policies).flatMap(([tenant, own]) =>
      (['allowed_models', 'denied_models'] as const).flatMap(list =>
        (own[list] ?? []).flatMap((name, index) =>
          checkModel(name, ['limits', 'policies', tenant, list, index], true),
        ),
      ),
    ),
  ]
}

function checkTenants(all: readonly string[], path: readonly PropertyKey[]): readonly Problem[] {
  return all.flatMap(tenant =>
    tenantName.test(tenant)
      ? []
      : [
          {
            path: [...path, tenant],
            problem: 'is no name of a tenant: 1 to 128 of A-Z a-z 0-9 . _ : @ -, or *',
          },
        ],
  )
}

function checkModels(all: readonly string[], path: readonly PropertyKey[]): readonly Problem[] {
  const lower = all.map(model => model.toLowerCase())
  return all.flatMap((model, index) => [
    ...checkModel(model, [...path, model], false),
    ...(lower.indexOf(model.toLowerCase()) < index
      ? [{ path: [...path, model], problem: 'differs from another model in letter case only' }]
      : []),
  ])
}

function checkModel(model: string, path: readonly PropertyKey[], mayBeAll: boolean): readonly Problem[] {
  if (model.toLowerCase() === 'auto')
    return [{ path, problem: 'chooses among all models by itself: name a model instead' }]
  const isName = /^[^\s\p{Cc}*]+$/u.test(model) || (mayBeAll && /^[^\s\p{Cc}*/]+\/\*$/u.test(model))
  if (isName) return []
  const all = mayBeAll ? ', an id or provider/*' : ' or an id'
  return [{ path, problem: `is no name of a model: write provider/id${all}` }]
}
