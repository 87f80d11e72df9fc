// Tokens of every kind, good and forged, written by hand: no library would make most of them.
import { createHmac, generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto'

/** A part of a token, or the text of one that is no JSON. */
export type Part = Readonly<Record<string, unknown>> | string

/** Signs what stands before the last dot. */
export type Signer = (signed: string) => string

/** A pair of keys whose public half is published. */
export interface Pair {
  readonly kid: string
  readonly alg: 'RS256' | 'ES256' | 'EdDSA'
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** What tokens must say to be accepted. */
export const ISSUER = 'exai-mcp-server'
/** As above. */
export const AUDIENCE = 'exai-mcp-client'

/** Makes the pairs: one of each kind that is accepted. */
export function makePairs(): Readonly<Record<'rsa' | 'ec' | 'ed', Pair>> {
  return {
    rsa: { kid: 'rsa-1', alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }) },
    ec: { kid: 'ec-1', alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
    ed: { kid: 'ed-1', alg: 'EdDSA', ...generateKeyPairSync('ed25519') },
  }
}

/** The published half of a pair. */
export function jwkOf({ kid, alg, publicKey }: Pair): Readonly<Record<string, unknown>> {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

/** A token of these parts. */
export function tokenOf(header: Part, claims: Part, signer: Signer): string {
  const text = (part: Part): string => (typeof part === 'string' ? part : JSON.stringify(part))
  const signed = [header, claims].map(part => Buffer.from(text(part)).toString('base64url')).join('.')
  return `${signed}.${signer(signed)}`
}

/** Signs with a secret. */
export const hmac =
  (secret: string | Uint8Array, digest = 'sha256'): Signer =>
  signed =>
    createHmac(digest, secret).update(signed).digest('base64url')

/** Signs with a private key, as JWS wants it of that kind of key. */
export const privately =
  (key: KeyObject, digest = 'sha256'): Signer =>
  signed =>
    signWith(key.asymmetricKeyType === 'ed25519' ? null : digest, Buffer.from(signed), {
      key,
      dsaEncoding: 'ieee-p1363',
    }).toString('base64url')

/** Claims that are good now, with others over them; undefined takes one away. */
export function claims(over: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const exp = Math.floor(Date.now() / 1000) + 3600
  return { iss: ISSUER, aud: AUDIENCE, sub: 'mallory', tenant_id: 'mallory', exp, scope: 'chat', ...over }
}

/** Every way to write down a public key, of which an attacker may make a secret. */
export function spellings({ publicKey }: Pair): Readonly<Record<string, string | Uint8Array>> {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const jwk = publicKey.export({ format: 'jwk' })
  return {
    'its PEM': pem,
    'its PEM without the last line end': pem.trimEnd(),
    'its PEM with CR LF': pem.replaceAll('\n', '\r\n'),
    'its DER': publicKey.export({ type: 'spki', format: 'der' }),
    'its JWK': JSON.stringify(jwk),
    'its numbers': String(jwk.n ?? jwk.x),
  }
}
