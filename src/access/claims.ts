// From the claims of a token that was verified to the caller that it speaks for.
import { createHash } from 'node:crypto'
import { type Caller, SCOPES, type Scope } from '../core/caller.ts'

/** Claims as they stand in a token, of any shape. */
export type Claims = Readonly<Record<string, unknown>>

/** How a tenant is written, 1 to 128 characters. */
export const TENANT_SHAPE = /^[A-Za-z0-9._:@-]{1,128}$/

// The last second of the year 9999, the latest instant of a Timestamp.
const EXPIRY_MAX_S = 253_402_300_799
const SUBJECT_CHARACTERS_MAX = 255

/** A caller, and the instant at which the token ends, in milliseconds since the Unix epoch. */
export interface Claimed {
  readonly caller: Caller
  readonly expiresAtMs: number
}

/** The caller of these claims; undefined when one of them is not as it must be. What is odd is never read as something near. */
export function callerOf(claims: Claims): Claimed | undefined {
  const { sub, tenant_id: tenantId, scope, exp } = claims
  const subject = sub === undefined ? '' : subjectOf(sub)
  const scopes = scopesOf(scope)
  if (subject === undefined || scopes === undefined) return undefined
  // JSON knows numbers of any size: 1e999 is infinite here.
  if (typeof exp !== 'number' || !(exp > 0 && exp <= EXPIRY_MAX_S)) return undefined
  const tenant = tenantId === undefined ? tenantOf(subject) : tenantId
  if (typeof tenant !== 'string' || !TENANT_SHAPE.test(tenant)) return undefined
  return { caller: { tenant, subject, scopes }, expiresAtMs: exp * 1000 }
}

function subjectOf(sub: unknown): string | undefined {
  if (typeof sub !== 'string' || sub === '' || sub.length > SUBJECT_CHARACTERS_MAX) return undefined
  return /\p{Cc}/u.test(sub) || !sub.isWellFormed() ? undefined : sub
}

// A subject that cannot stand in a tenant's name is hashed into one. None that is written like such a hash stands for itself,
// so that no two subjects have the same tenant.
function tenantOf(subject: string): string | undefined {
  if (subject === '') return undefined
  const plain = `sub:${subject}`
  if (TENANT_SHAPE.test(plain) && !subject.startsWith('sha256:')) return plain
  return `sub:sha256:${createHash('sha256').update(subject).digest('base64url')}`
}

// RFC 8693 4.2: words with spaces between them; many issuers write a list. Words of others are not for us.
function scopesOf(scope: unknown): readonly Scope[] | undefined {
  if (scope === undefined) return []
  const words = typeof scope === 'string' ? scope.split(' ') : scope
  if (!Array.isArray(words) || words.some(word => typeof word !== 'string')) return undefined
  return SCOPES.filter(known => words.includes(known))
}
