// Keys and tokens as a Supabase project gives them out.
import { createHmac } from 'node:crypto'

/** What all tokens of a test are signed with. */
export const JWT_SECRET = 'a-secret-for-tests-only-of-at-least-32-bytes'
/** The secret key of the project, in today's form: it is no token, the project's front turns it into one. */
export const SERVICE_KEY = 'sb_secret_for_tests_only'
/** The public key of the project. */
export const ANON_KEY = 'sb_publishable_for_tests_only'

/** Signs claims with HS256 (RFC 7519); the token never ends unless the claims say so. */
export function signToken(claims: Readonly<Record<string, unknown>>, secret = JWT_SECRET): string {
  const text = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

/** The token of a user who belongs to a tenant. */
export function tenantToken(tenant: string): string {
  return signToken({ role: 'authenticated', sub: 'user-of-the-test', tenant_id: tenant })
}

/** What stands behind a key: the token that the project's front sends on in its place; undefined when it knows no such key. */
export function tokenOf(key: string): string | undefined {
  if (key === SERVICE_KEY) return signToken({ role: 'service_role' })
  if (key === ANON_KEY) return signToken({ role: 'anon' })
  return key.startsWith('eyJ') ? key : undefined
}
