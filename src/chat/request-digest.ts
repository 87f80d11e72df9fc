// Tells whether two requests ask the same: a digest of everything that decides about the answer.
import { createHash, type Hash } from 'node:crypto'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'

/**
 * SHA-256 of a request in hexadecimal, whatever the order in which its maps were written. The idempotency key and the
 * resume window are left out: they say how the answer is kept and not what is asked.
 */
export function digestOf(request: CompleteRequest): string {
  const hash = createHash('sha256')
  const { idempotencyKey: _, resumeWindow: __, ...asked } = request
  feed(hash, asked)
  return hash.digest('hex')
}

/** Every value is fed with its kind and its length, so that no two different requests feed the same bytes. */
function feed(hash: Hash, value: unknown): void {
  if (value instanceof Uint8Array) {
    hash.update(`bytes ${value.byteLength} `).update(value)
  } else if (Array.isArray(value)) {
    hash.update(`list ${value.length} `)
    for (const item of value) feed(hash, item)
  } else if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    hash.update(`fields ${fields.length} `)
    for (const [name, field] of fields.sort(byName)) {
      feed(hash, name)
      feed(hash, field)
    }
  } else {
    const text = String(value)
    hash.update(`${typeof value} ${Buffer.byteLength(text)} ${text}`)
  }
}

// By code unit and not by a language's order, which may differ between machines.
function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
