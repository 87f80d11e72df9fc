// Checks tokens (RFC 7519). Which algorithms there are is settled by the settings, never by the token.
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { TokenConfig } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { type Claimed, callerOf } from './claims.ts'
import { type KeySet, PUBLIC_ALGORITHMS, type PublicAlgorithm } from './jwks.ts'
import { unauthenticated } from './unauthenticated.ts'

/** Checks a token: who it speaks for, or UNAUTHENTICATED. */
export type CheckToken = (text: string) => Promise<Claimed>

/** What `createTokenCheck` needs. */
export interface TokenCheckDeps {
  readonly tokens: Pick<TokenConfig, 'issuer' | 'audience' | 'secret'>
  /** The published keys. Absent: tokens are signed with the secret only. */
  readonly keySet?: KeySet | undefined
  readonly clock: Clock
}

/** How far the clocks of issuers may be off, in seconds. */
export const SKEW_S = 30

const KEY_ID_CHARACTERS_MAX = 256
const SHAPE = /^([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/** Makes the check. */
export function createTokenCheck({ tokens, keySet, clock }: TokenCheckDeps): CheckToken {
  const secret = tokens.secret === undefined ? undefined : createSecretKey(Buffer.from(tokens.secret))

  /** The key that a token of this algorithm is checked with. A public key never meets the algorithm of secrets, nor the other way. */
  async function keyFor({ alg, kid }: TokenHeader): Promise<KeyObject | undefined> {
    if (alg === 'HS256') return secret
    const known = PUBLIC_ALGORITHMS.find(one => one === alg)
    return known === undefined ? undefined : keySet?.find(known, kid)
  }

  return async text => {
    const header = headerOf(text)
    if (header === undefined) throw unauthenticated()
    const key = await keyFor(header)
    if (key === undefined) throw unauthenticated()
    // Loaded with the first token: it takes 50 ms, which a service without tokens need not pay.
    const { jwtVerify } = await import('jose')
    const verified = await jwtVerify(text, key, {
      algorithms: [header.alg],
      issuer: tokens.issuer,
      audience: tokens.audience,
      clockTolerance: SKEW_S,
      requiredClaims: ['exp'],
      currentDate: new Date(clock.now()),
    }).catch(() => undefined)
    const claimed = verified && callerOf(verified.payload)
    if (claimed === undefined) throw unauthenticated()
    return claimed
  }
}

interface TokenHeader {
  readonly alg: 'HS256' | PublicAlgorithm
  readonly kid: string | undefined
}

/** What the header says of algorithm and key. Keys and addresses of keys that it brings along are never looked at. */
function headerOf(text: string): TokenHeader | undefined {
  const [, part] = SHAPE.exec(text) ?? []
  if (part === undefined) return undefined
  try {
    const header: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    if (typeof header !== 'object' || header === null) return undefined
    const alg = 'alg' in header ? header.alg : undefined
    const kid = 'kid' in header ? header.kid : undefined
    const known = (['HS256', ...PUBLIC_ALGORITHMS] as const).find(one => one === alg)
    if (known === undefined) return undefined
    if (kid === undefined) return { alg: known, kid: undefined }
    return typeof kid === 'string' && kid.length <= KEY_ID_CHARACTERS_MAX ? { alg: known, kid } : undefined
  } catch {
    // What is no JSON is no token.
    return undefined
  }
}
