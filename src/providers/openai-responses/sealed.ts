// Seals reasoning items into the opaque bytes of a reasoning part, and opens them again.
import { foreign } from '../openai-dialect/wire.ts'
import type { SealedItem } from './wire.ts'

/**
 * A reasoning item that can be sent back, or undefined. Without its encrypted content it is only a name for something in
 * OpenAI's storage, where nothing of ours is kept.
 */
export function sealedItem(value: unknown): SealedItem | undefined {
  const item = foreign<'type' | 'id' | 'encrypted_content'>(value)
  if (item?.type !== 'reasoning' || typeof item.id !== 'string') return undefined
  if (typeof item.encrypted_content !== 'string' || item.encrypted_content === '') return undefined
  // The parse boundary: these are the fields that have just been looked at.
  return item as SealedItem
}

/** The bytes of one item as a JSON object, or of several as a JSON array, whole and with all their fields. */
export function seal(items: readonly SealedItem[]): Uint8Array {
  return Buffer.from(JSON.stringify(items.length === 1 ? items[0] : items), 'utf8')
}

/** The items that were sealed; undefined when the bytes hold anything else. */
export function unseal(opaque: Uint8Array): readonly SealedItem[] | undefined {
  const value = parse(opaque)
  const items = (Array.isArray(value) ? value : [value]).map(sealedItem)
  return items.every(item => item !== undefined) && items.length > 0 ? items : undefined
}

function parse(opaque: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(opaque))
  } catch {
    // Bytes that a caller has changed, or that another wire has sealed.
    return undefined
  }
}
