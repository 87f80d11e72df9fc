// What a new key shall be: a request of the contract, checked.
import type { CreateKeyRequest, ListKeysRequest } from '#gen/exai/v1/access_service_pb'
import { Key_State as State, Scope as WireScope } from '#gen/exai/v1/key_pb'
import type { Caller, Scope } from '../core/caller.ts'
import { GatewayError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import type { KeyFilter, KeyStanding, StoredKey } from '../core/keys.ts'
import { type PageQuery, pageLimit, placeOf } from '../core/page.ts'
import { millisecondsOf } from '../core/time.ts'
import { TENANT_SHAPE } from './claims.ts'
import { limitsOf, policyOf } from './key-limits.ts'

const LABEL_CHARACTERS_MAX = 64

// The end of the year 9999, the latest instant that a Timestamp can say.
const EXPIRY_MAX_MS = 253_402_300_799_999

/** The part of a key that its maker decides. */
export type KeyWish = Pick<StoredKey, 'label' | 'tenant' | 'scopes' | 'limits' | 'policy' | 'expiresAt'>

/** The words of the contract for scopes. */
export const wireScopes = {
  chat: WireScope.CHAT,
  files: WireScope.FILES,
  monitoring: WireScope.MONITORING,
  admin: WireScope.ADMIN,
} as const satisfies Record<Scope, WireScope>

/** The words of the contract for how keys stand. */
export const wireStates = {
  active: State.ACTIVE,
  expired: State.EXPIRED,
  revoked: State.REVOKED,
} as const satisfies Record<KeyStanding, State>

/** What a request for a key asks for. Throws INVALID_REQUEST naming the field. */
export function keyWish(request: CreateKeyRequest, caller: Pick<Caller, 'tenant'>, nowMs: number): KeyWish {
  const { label, tenant, policy } = request
  const length = [...label].length
  if (length < 1 || length > LABEL_CHARACTERS_MAX || /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(label))
    throw invalid('label', `must have 1 to ${LABEL_CHARACTERS_MAX} characters without control characters`)
  if (tenant !== '' && !TENANT_SHAPE.test(tenant))
    throw invalid('tenant', 'must have 1 to 128 letters, digits, dots, hyphens, underscores, colons or @')
  const expiresAt = expiryOf(request, nowMs)
  return {
    label,
    tenant: tenant === '' ? caller.tenant : tenant,
    scopes: scopesOf(request.scopes),
    limits: limitsOf(request.limits),
    ...(policy === undefined ? {} : { policy: policyOf(policy) }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
}

function scopesOf(wire: readonly WireScope[]): readonly Scope[] {
  const names = wire.map((scope, index) => {
    const name = nameOf(wireScopes, scope)
    if (name === undefined) throw invalid(`scopes[${index}]`, 'is not a known scope')
    return name
  })
  if (names.length === 0) throw invalid('scopes', 'must hold at least one scope')
  return [...new Set(names)]
}

function expiryOf({ expiration }: CreateKeyRequest, nowMs: number): number | undefined {
  if (expiration.case === undefined) return undefined
  const isTtl = expiration.case === 'ttl'
  const ms = millisecondsOf(expiration.value)
  if (isTtl && !(ms > 0)) throw invalid('ttl', 'must be above zero')
  const expiresAt = isTtl ? nowMs + Math.ceil(ms) : Math.ceil(ms)
  if (expiresAt <= nowMs) throw invalid('expire_time', 'must be in the future')
  if (expiresAt > EXPIRY_MAX_MS)
    throw invalid(isTtl ? 'ttl' : 'expire_time', 'must end before the year 10000')
  return expiresAt
}

/** A list of keys that is asked for, and the text that tells it from others, for the tokens of its pages. */
export interface KeyListQuery {
  readonly query: PageQuery & KeyFilter
  readonly text: string
}

/** What a request for a list asks for. Throws INVALID_REQUEST naming the field. */
export function keyListQuery({ pageSize, pageToken, tenant, states }: ListKeysRequest): KeyListQuery {
  const limit = pageLimit(pageSize)
  const standings = states.map((state, index) => {
    const name = nameOf(wireStates, state)
    if (name === undefined) throw invalid(`states[${index}]`, 'is not a known state')
    return name
  })
  const filter = { standings: [...new Set(standings)].sort(), ...(tenant === '' ? {} : { tenant }) }
  const text = JSON.stringify(['keys', filter])
  const after = placeOf(pageToken, text)
  if (after !== undefined && !isId('key', after))
    throw invalid('page_token', 'is damaged; begin again without one')
  return { query: { ...filter, limit, ...(after === undefined ? {} : { after }) }, text }
}

function nameOf<Name extends string>(table: Readonly<Record<Name, number>>, value: number): Name | undefined {
  // The keys of a table are the names that its type lists.
  return (Object.keys(table) as Name[]).find(name => table[name] === value)
}

function invalid(field: string, problem: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', `${field} ${problem}`)
}
