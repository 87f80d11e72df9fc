// Makes tokens for people and tests, signed with the secret of the settings.
import type { TokenConfig } from '../config/config.ts'
import type { Scope } from '../core/caller.ts'

/** What a token shall say. */
export interface TokenWish {
  readonly subject: string
  /** Absent: the tenant that a subject has by itself. */
  readonly tenant?: string | undefined
  readonly scopes: readonly Scope[]
  /** When it begins, in milliseconds since the Unix epoch. */
  readonly nowMs: number
  /** How long it is accepted, in milliseconds. */
  readonly ttlMs: number
}

/** An HS256 token. */
export async function issueToken(
  { issuer, audience, secret }: Pick<TokenConfig, 'issuer' | 'audience'> & { readonly secret: string },
  { subject, tenant, scopes, nowMs, ttlMs }: TokenWish,
): Promise<string> {
  const { SignJWT } = await import('jose')
  return new SignJWT({
    scope: scopes.join(' '),
    ...(tenant === undefined ? {} : { tenant_id: tenant }),
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(subject)
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(Math.floor((nowMs + ttlMs) / 1000))
    .sign(Buffer.from(secret))
}
