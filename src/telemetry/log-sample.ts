// Which of the successful calls have a line, where not all do: told by the request id, so that all replicas say the same.
import type { LogFields } from '../core/log.ts'

/** Whether the line of a call is written. Calls that failed always are. */
export function isKept({ code, request_id: id }: LogFields, ratio: number): boolean {
  if (ratio >= 1 || code !== 'OK' || typeof id !== 'string') return true
  return shareOf(id) < ratio
}

/** A number from 0 to below 1 for each text, spread evenly: FNV-1a, whose last bits are mixed once more. */
export function shareOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) {
    hash ^= text.charCodeAt(at)
    hash = Math.imul(hash, 0x01000193)
  }
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  return (hash >>> 0) / 2 ** 32
}
