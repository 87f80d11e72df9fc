// Which limits and policies a caller has: those of its key, of its tenant, and of models for everybody together.
import type { AliasConfig, RulesConfig } from '../config/snapshot.ts'
import type { Caller } from '../core/caller.ts'
import type { Limit, LimitKind, OutagePolicy, Policy } from '../core/limits.ts'
import type { ModelEntry } from '../core/model.ts'

/** A limit that holds for a caller. */
export interface AppliedLimit {
  readonly kind: LimitKind
  readonly value: number
  /** In lower case. Absent: all models together. */
  readonly model?: string | undefined
  readonly outage: OutagePolicy
  /** Name of its counter, without the time that is counted. */
  readonly counter: string
  /** Whose limit it is, for people, such as `tenant acme`. */
  readonly whose: string
  /** Empty: everybody's. */
  readonly tenant: string
  /** Id of the key, or the subject. Empty: all of the tenant. */
  readonly owner: string
}

/** All that holds for a caller. */
export interface CallerRules {
  /** Counted when a call is let in: requests a minute and calls at once, of all models together. */
  readonly atAdmission: readonly AppliedLimit[]
  /** Counted for each attempt: all others but stored bytes. */
  readonly atAttempt: readonly AppliedLimit[]
  readonly policies: readonly Policy[]
}

const NO_ALIASES: readonly AliasConfig[] = []
const NO_RULES: CallerRules = { atAdmission: [], atAttempt: [], policies: [] }

/** Everything that holds for a caller; it is the same object for the same caller while the configuration stays. */
export function createCallerRules(
  rules: () => RulesConfig | undefined,
  aliases: () => readonly AliasConfig[] = () => NO_ALIASES,
): (caller: Caller) => CallerRules | undefined {
  let known:
    | {
        readonly rules: RulesConfig | undefined
        readonly aliases: readonly AliasConfig[]
        readonly by: WeakMap<Caller, CallerRules>
      }
    | undefined
  return caller => {
    const now = rules()
    if (now === undefined && caller.limits === undefined && caller.policy === undefined) return undefined
    const names = aliases()
    if (known?.rules !== now || known?.aliases !== names || known === undefined)
      known = { rules: now, aliases: names, by: new WeakMap() }
    let found = known.by.get(caller)
    if (found === undefined) {
      found = rulesOf(caller, now, names)
      known.by.set(caller, found)
    }
    return found === NO_RULES ? undefined : found
  }
}

/** Bytes of files that a tenant may store, where the configuration says so. */
export function storedBytesOf(tenant: string, rules: RulesConfig | undefined): number | undefined {
  const all = ownOrAny(rules?.tenants, tenant)?.limits ?? []
  return all.find(({ kind }) => kind === 'stored_bytes')?.value
}

function rulesOf(
  caller: Caller,
  rules: RulesConfig | undefined,
  aliases: readonly AliasConfig[],
): CallerRules {
  const { tenant, key } = caller
  const byAlias = new Map(aliases.map(({ alias, model }) => [alias.toLowerCase(), model]))
  const named = (name: string): string => byAlias.get(name.toLowerCase()) ?? name
  const limits = [
    ...applied(caller.limits ?? [], named, {
      tenant,
      owner: key?.id ?? caller.subject,
      whose: key === undefined ? 'the caller' : `key ${key.label}`,
    }),
    ...applied(ownOrAny(rules?.tenants, tenant)?.limits ?? [], named, {
      tenant,
      owner: '',
      whose: `tenant ${tenant}`,
    }),
    ...applied(rules?.models ?? [], named, { tenant: '', owner: '', whose: 'all callers' }),
  ]
  const policies = [caller.policy, ownOrAny(rules?.policies, tenant)?.policy]
    .filter(one => one !== undefined)
    .map(one => ({
      ...one,
      allowedModels: one.allowedModels.map(named),
      deniedModels: one.deniedModels.map(named),
    }))
  if (limits.length === 0 && policies.length === 0) return NO_RULES
  const isAtAdmission = ({ kind, model }: AppliedLimit): boolean =>
    model === undefined && (kind === 'requests_per_minute' || kind === 'concurrent_calls')
  return {
    atAdmission: limits.filter(isAtAdmission),
    atAttempt: limits.filter(limit => !isAtAdmission(limit)),
    policies,
  }
}

function ownOrAny<T extends { readonly tenant: string }>(
  all: readonly T[] | undefined,
  tenant: string,
): T | undefined {
  return all?.find(one => one.tenant === tenant) ?? all?.find(one => one.tenant === '*')
}

/** Each counter once: of two limits of one kind for one model the smaller one counts. */
function applied(
  limits: readonly Limit[],
  named: (model: string) => string,
  { tenant, owner, whose }: { readonly tenant: string; readonly owner: string; readonly whose: string },
): readonly AppliedLimit[] {
  const byCounter = new Map<string, AppliedLimit>()
  for (const { kind, value, model, outagePolicy = 'share' } of limits) {
    if (kind === 'stored_bytes') continue
    const of = model === undefined ? '' : named(model).toLowerCase()
    const counter = ['limit', tenant, owner, kind, of].map(encodeURIComponent).join(':')
    const before = byCounter.get(counter)
    if (before !== undefined && before.value <= value) continue
    byCounter.set(counter, {
      kind,
      value,
      ...(model === undefined ? {} : { model: of }),
      outage: outagePolicy,
      counter,
      whose,
      tenant,
      owner,
    })
  }
  return [...byCounter.values()]
}

/** Whether a limit counts what a model is asked. */
export function countsModel(
  { model }: Pick<AppliedLimit, 'model'>,
  asked: Pick<ModelEntry, 'provider' | 'id' | 'aliases'>,
): boolean {
  return model === undefined || isModelNamed(model, asked)
}

function isModelNamed(
  name: string,
  { provider, id, aliases }: Pick<ModelEntry, 'provider' | 'id' | 'aliases'>,
): boolean {
  const owner = provider.toLowerCase()
  return [id, ...aliases].some(one => {
    const own = one.toLowerCase()
    return name === own || name === `${owner}/${own}`
  })
}
