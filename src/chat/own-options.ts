// What the caller's own fields for a provider may not say: they go to accounts that all tenants share.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

/** URLs by which providers name files of an account. */
const FILE_URL = /^\s*(?:ms|mm_file):\/\//i
/** Fields by which they do; a container of OpenAI's keeps the files of those who have used it. */
const FILE_FIELD = /^(?:file_?ids?|vector_store_ids?|container(?:_?id)?)$/i

/**
 * The place within `provider_options` that names a file of a provider's own; undefined when there is none. An account has
 * the files of all tenants, so that whoever knows or guesses a name could read those of others.
 */
export function foreignFileIn(options: Readonly<Record<string, JsonObject>>): string | undefined {
  for (const [provider, fields] of Object.entries(options)) {
    const found = search(fields, `.${provider}`)
    if (found !== undefined) return found
  }
  return undefined
}

function search(value: JsonValue, at: string): string | undefined {
  if (typeof value === 'string') return FILE_URL.test(value) ? at : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return first(value.entries(), index => `${at}[${index}]`)
  const named = Object.entries(value).find(([name, inner]) => FILE_FIELD.test(name) && isName(inner))
  return named === undefined ? first(Object.entries(value), name => `${at}.${name}`) : `${at}.${named[0]}`
}

function first<Key>(entries: Iterable<[Key, JsonValue]>, place: (key: Key) => string): string | undefined {
  for (const [key, inner] of entries) {
    const found = search(inner, place(key))
    if (found !== undefined) return found
  }
  return undefined
}

/** A schema may well have a field of such a name, and then it stands for an object. */
function isName(value: JsonValue): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.some(one => typeof one === 'string'))
}
