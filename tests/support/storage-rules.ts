// What the storage double asks of a request: exactly the headers, fields and names of the protocol, and nothing else.
import type { IncomingMessage } from 'node:http'
import { refusals, type StorageError } from './storage-error.ts'

type Field = 'text' | 'number' | 'boolean' | 'texts' | 'object'

const tests: Readonly<Record<Field, (value: unknown) => boolean>> = {
  text: value => typeof value === 'string',
  number: value => Number.isSafeInteger(value) && Number(value) >= 0,
  boolean: value => typeof value === 'boolean',
  texts: value => Array.isArray(value) && value.every(each => typeof each === 'string'),
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
}

/** The fields of a JSON body; those that end in `?` may be left out. */
export type Fields = Readonly<Record<string, Field>>

/** Reads a JSON object that has these fields and no others; throws the refusal otherwise. */
export async function jsonBody(
  incoming: IncomingMessage,
  fields: Fields,
): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/.test(incoming.headers['content-type'] ?? ''))
    throw refusals.invalid('content-type must be application/json')
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  const body = parsed(text)
  const known = new Map(Object.entries(fields).map(([name, field]) => [name.replace('?', ''), field]))
  for (const [name, value] of Object.entries(body)) {
    const field = known.get(name)
    if (field === undefined) throw refusals.invalid(`body must NOT have additional properties: ${name}`)
    if (!tests[field](value)) throw refusals.invalid(`body/${name} must be ${field}`)
  }
  for (const name of Object.keys(fields)) {
    if (!name.endsWith('?') && !Object.hasOwn(body, name))
      throw refusals.invalid(`body must have required property '${name}'`)
  }
  return body
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (tests.object(value)) return value as Readonly<Record<string, unknown>> // Just tested.
  } catch {
    // Told below, as for a body that is no object.
  }
  throw refusals.invalid('body must be object')
}

/** Refuses a request that has a query, which none of the protocol's requests here have. */
export function withoutQuery(url: URL): void {
  if (url.search !== '') throw refusals.invalid(`querystring must be empty: ${url.search}`)
}

// Letters of keys that storage takes; others, all that are not ASCII among them, are an InvalidKey.
const KEY = /^[A-Za-z0-9_/!.*'()&$@=;:+,? -]+$/

/** The bucket and the object's name in a path such as `files/acme/aa/aa1`. */
export function objectAt(path: string): { readonly bucket: string; readonly name: string } {
  const decoded = decodeURIComponent(path)
  const slash = decoded.indexOf('/')
  const [bucket, name] = [decoded.slice(0, slash), decoded.slice(slash + 1)]
  if (slash < 1 || name === '' || !KEY.test(name) || /(?:^|\/)\.{0,2}(?:\/|$)/.test(name))
    throw refusals.invalidKey(name)
  return { bucket, name }
}

/** What the headers of an upload say; throws when one is missing or malformed. */
export function uploadHeaders({ method, headers }: IncomingMessage): {
  readonly contentType: string
  readonly cacheControl: string
  readonly existing: 'replace' | 'refuse'
} {
  const contentType = headers['content-type'] ?? ''
  const cacheControl = headers['cache-control'] ?? ''
  const upsert = headers['x-upsert']
  if (!/^[\w.+-]+\/[\w.+-]+(?:;.*)?$/.test(contentType))
    throw refusals.invalid("headers must have 'content-type'")
  if (contentType.startsWith('multipart/')) throw refusals.invalid('a body of raw bytes is expected here')
  if (!/^max-age=\d+$/.test(cacheControl)) throw refusals.invalid("headers must have 'cache-control'")
  if (method === 'POST' && upsert !== 'true' && upsert !== 'false')
    throw refusals.invalid("headers/x-upsert must be 'true' or 'false'")
  return { contentType, cacheControl, existing: method === 'PUT' || upsert === 'true' ? 'replace' : 'refuse' }
}

/** First and last byte that a Range header asks for; undefined without one. Only `bytes=a-`, `bytes=a-b` and `bytes=-n`. */
export function rangeOf(
  header: string | undefined,
  sizeBytes: number,
): { readonly first: number; readonly last: number } | undefined | StorageError {
  if (header === undefined) return undefined
  const match = /^bytes=(\d*)-(\d*)$/.exec(header)
  const [from, to] = [match?.[1] ?? '', match?.[2] ?? '']
  if (match === null || (from === '' && to === '')) return refusals.invalid(`malformed range: ${header}`)
  const first = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from)
  const last = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  return first > last ? refusals.invalid(`range not satisfiable: ${header}`) : { first, last }
}
