// The published keys of tokens (RFC 7517): fetched, bounded, cached, and used on while their host is out of reach.
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'

/** The algorithms of published keys; those of secrets are not among them, so that no public key is ever taken for a secret. */
export const PUBLIC_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const

/** An algorithm from the list. */
export type PublicAlgorithm = (typeof PUBLIC_ALGORITHMS)[number]

/** Finds the key that a token names. */
export interface KeySet {
  /**
   * The key for an algorithm with this id; without an id, the only one for the algorithm. Undefined: there is none.
   * UPSTREAM_UNAVAILABLE when no set could be fetched yet.
   */
  find(algorithm: PublicAlgorithm, id: string | undefined): Promise<KeyObject | undefined>
}

/** What `createKeySet` needs. */
export interface KeySetDeps {
  readonly url: string
  readonly clock: Clock
  readonly log: Log
}

/** How long a set counts as fresh, in milliseconds. */
export const FRESH_MS = 600_000

/** Shortest time between two fetches, in milliseconds: unknown ids come from strangers. */
export const FETCH_GAP_MS = 30_000

const FETCH_TIMEOUT_MS = 5_000
const BYTES_MAX = 1024 * 1024
const KEYS_MAX = 64
const RSA_BITS = { min: 2048, max: 8192 }

interface PublishedKey {
  readonly algorithm: PublicAlgorithm
  /** Absent: it has none. */
  readonly id: string | undefined
  readonly key: KeyObject
}

/** Makes a key set; nothing is fetched before it is needed. */
export function createKeySet({ url, clock, log }: KeySetDeps): KeySet {
  let keys: readonly PublishedKey[] | undefined
  let freshUntilMs = 0
  let nextFetchMs = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined

  async function fetchNow(): Promise<void> {
    nextFetchMs = clock.monotonic() + FETCH_GAP_MS
    try {
      keys = keysOf(await download(url))
      freshUntilMs = clock.monotonic() + FRESH_MS
    } catch (err) {
      log.warn('the key set of tokens cannot be fetched', { err, stale: keys !== undefined })
    }
  }

  /** Fetches unless that was done a moment ago; everybody who waits, waits for the same fetch. */
  async function refresh(): Promise<void> {
    if (fetching === undefined && clock.monotonic() < nextFetchMs) return
    fetching ??= fetchNow().finally(() => {
      fetching = undefined
    })
    await fetching
  }

  return {
    async find(algorithm, id) {
      if (keys === undefined || clock.monotonic() >= freshUntilMs) await refresh()
      const found = pick(keys, algorithm, id)
      if (found !== undefined) return found
      await refresh()
      if (keys === undefined)
        throw new GatewayError(
          'UPSTREAM_UNAVAILABLE',
          'tokens cannot be checked now, because their keys (JWT_JWKS_URL) are out of reach: try again later',
          { origin: 'gateway', retryDelayMs: FETCH_GAP_MS },
        )
      return pick(keys, algorithm, id)
    },
  }
}

function pick(
  keys: readonly PublishedKey[] | undefined,
  algorithm: PublicAlgorithm,
  id: string | undefined,
): KeyObject | undefined {
  const fitting =
    keys?.filter(one => one.algorithm === algorithm && (id === undefined || one.id === id)) ?? []
  // Without an id, one of several would be a guess.
  return id === undefined && fitting.length > 1 ? undefined : fitting[0]?.key
}

async function download(url: string): Promise<unknown> {
  const answer = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  })
  if (answer.status !== 200) {
    await answer.body?.cancel()
    throw new GatewayError('INTERNAL', `the host of the key set answers HTTP ${answer.status}`)
  }
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of answer.body ?? []) {
    sizeBytes += piece.byteLength
    if (sizeBytes > BYTES_MAX)
      throw new GatewayError('INTERNAL', `the key set is larger than ${BYTES_MAX} bytes`)
    pieces.push(piece)
  }
  return JSON.parse(Buffer.concat(pieces).toString('utf8'))
}

function keysOf(set: unknown): readonly PublishedKey[] {
  const listed = isRecord(set) ? set['keys'] : undefined
  if (!Array.isArray(listed)) throw new GatewayError('INTERNAL', 'the key set has no list of keys')
  if (listed.length > KEYS_MAX)
    throw new GatewayError('INTERNAL', `the key set has more than ${KEYS_MAX} keys`)
  return listed.flatMap((one: unknown) => keyOf(one) ?? [])
}

/** What can be used of a published key: others are for other purposes, and no fault. */
function keyOf(jwk: unknown): PublishedKey | undefined {
  if (!isRecord(jwk)) return undefined
  const { use, key_ops: uses, alg, kid } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  if (uses !== undefined && !(Array.isArray(uses) && uses.includes('verify'))) return undefined
  if (kid !== undefined && typeof kid !== 'string') return undefined
  const shape = publicPart(jwk)
  if (shape === undefined || (alg !== undefined && alg !== shape.algorithm)) return undefined
  try {
    const key = createPublicKey({ key: shape.part, format: 'jwk' })
    const bits = key.asymmetricKeyDetails?.modulusLength
    if (bits !== undefined && (bits < RSA_BITS.min || bits > RSA_BITS.max)) return undefined
    return { algorithm: shape.algorithm, id: kid, key }
  } catch {
    // It is none: the others of the set can be good.
    return undefined
  }
}

// Only what is public is taken over, whatever else was published.
function publicPart({
  kty,
  crv,
  n,
  e,
  x,
  y,
}: Readonly<Record<string, unknown>>):
  | { readonly algorithm: PublicAlgorithm; readonly part: Record<string, string> }
  | undefined {
  if (kty === 'RSA' && isText(n) && isText(e)) return { algorithm: 'RS256', part: { kty, n, e } }
  if (kty === 'EC' && crv === 'P-256' && isText(x) && isText(y))
    return { algorithm: 'ES256', part: { kty, crv, x, y } }
  if (kty === 'OKP' && crv === 'Ed25519' && isText(x)) return { algorithm: 'EdDSA', part: { kty, crv, x } }
  return undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
