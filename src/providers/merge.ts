// Lays the caller's own fields for a provider over what the gateway would send.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'

/** A JSON object of which nothing more is known. */
export type Fields = Readonly<Record<string, unknown>>

/** The caller's fields for a provider, in the order to lay them: those for whoever answers (`*`), then those by its id. */
export function providerLayers(request: CompleteRequest, provider: string): readonly Fields[] {
  const { providerOptions } = request
  return ['*', provider].flatMap(name => {
    const fields = Object.hasOwn(providerOptions, name) ? providerOptions[name] : undefined
    return fields === undefined ? [] : [fields]
  })
}

/**
 * Lays one object over another, as RFC 7396 (JSON Merge Patch) says: objects are merged, everything else is replaced, and
 * null takes a field away. Neither is changed.
 */
export function mergeFields(base: Fields, over: Fields): Fields {
  const merged = new Map(Object.entries(base))
  for (const [name, value] of Object.entries(over)) {
    const below = merged.get(name)
    if (value === null) merged.delete(name)
    else if (isFields(value)) merged.set(name, mergeFields(isFields(below) ? below : {}, value))
    else merged.set(name, value)
  }
  // Unlike an assignment, this makes `__proto__` a field like any other.
  return Object.fromEntries(merged)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
