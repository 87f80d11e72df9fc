// Finds the one credential that a request carries, by its header alone.

/** What of a request is looked at: names and values in turn, doubles included, as they came. */
export interface CredentialSource {
  readonly rawHeaders: readonly string[]
}

/** An API key of this service, or something that may be a token. */
export interface Credential {
  readonly kind: 'key' | 'token'
  readonly text: string
}

/** Longest credential that is looked at; tokens with many claims have about 2 KiB. */
const CREDENTIAL_CHARACTERS_MAX = 8 * 1024

/** How an API key is written: 43 characters of base64url carry 256 bits. */
export const KEY_SHAPE = /^exai_[A-Za-z0-9_-]{43}$/

// RFC 6750 2.1: one word of these characters after the scheme, which is matched without letter case (RFC 9110 11.1).
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

/**
 * The credential of a request: `authorization: Bearer …`, or `x-api-key: exai_…`, or both with the same text, as some
 * clients send it. Undefined when there is none, one that is malformed, one field twice, or two that differ: whoever stands
 * in between may have taken another of two for the right one.
 */
export function credentialOf({ rawHeaders }: CredentialSource): Credential | undefined {
  let authorization: string | undefined
  let apiKey: string | undefined
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const raw = rawHeaders[index] ?? ''
    // Most names are of another length, and need not be made lower-case.
    if (raw.length !== AUTHORIZATION.length && raw.length !== API_KEY.length) continue
    const name = raw.toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    if (name === AUTHORIZATION) {
      if (authorization !== undefined) return undefined
      authorization = value
    } else if (name === API_KEY) {
      if (apiKey !== undefined) return undefined
      apiKey = value
    }
  }
  if (authorization === undefined) return apiKey === undefined ? undefined : keyOf(apiKey)
  const bearer = bearerOf(authorization)
  return apiKey === undefined || apiKey === bearer?.text ? bearer : undefined
}

function bearerOf(value: string): Credential | undefined {
  if (value.length > CREDENTIAL_CHARACTERS_MAX) return undefined
  const text = BEARER.exec(value)?.[1]
  if (text === undefined) return undefined
  return text.startsWith('exai_') ? keyOf(text) : { kind: 'token', text }
}

const AUTHORIZATION = 'authorization'
const API_KEY = 'x-api-key'

function keyOf(text: string): Credential | undefined {
  return KEY_SHAPE.test(text) ? { kind: 'key', text } : undefined
}
