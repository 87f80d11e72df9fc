// Secrets of API keys: how they are made, and what is kept of them.
import { createHmac, randomBytes } from 'node:crypto'

/** A new secret: `exai_` and 256 random bits as base64url. */
export function newSecret(): string {
  return `exai_${randomBytes(32).toString('base64url')}`
}

/** The characters by which people tell keys apart: too few to guess the rest. */
export function prefixOf(secret: string): string {
  return secret.slice(0, 'exai_'.length + 4)
}

/** What is kept of a secret: HMAC-SHA256 under the pepper, 32 bytes. Whoever reads the store alone can check no guess. */
export function hashOf(secret: string, pepper: Uint8Array): Uint8Array {
  return createHmac('sha256', pepper).update(secret).digest()
}
