// Tells the names that a provider gives an answer: its id, and what else says where it comes from.
import type { JsonObject } from '@bufbuild/protobuf'
import type { Delta } from '../../core/delta.ts'
import type { UpstreamHeaders } from '../http-answer.ts'
import type { Upstream } from './dialect.ts'
import { safeName } from './quote.ts'

/** Tells the names of one answer. */
export interface NameTeller {
  /** Adds what is new in these fields, the answer's `id` among them, and a finish reason that the contract does not have. */
  tell(told: { readonly [name: string]: unknown }, word: string, out: Delta[]): void
}

/** Makes one for one answer. `fields` are the names under which metadata comes, and goes out. */
export function createNameTeller(upstream: Upstream, fields: readonly string[]): NameTeller {
  const seen = new Map<string, unknown>()
  let hasId = false
  let metadata: JsonObject = {}

  /** The value of a field if it has not been looked at before; empty when there is nothing to tell. */
  function fresh(name: string, value: unknown): string {
    if (typeof value !== 'string' || value === '' || seen.get(name) === value) return ''
    seen.set(name, value)
    return safeName(upstream, value)
  }

  function add(name: string, told: unknown): void {
    const value = fresh(name, told)
    // The whole of it each time, so that it does not matter whether a reader merges or replaces.
    if (value !== '') metadata = { ...metadata, [name]: value }
  }

  return {
    tell(told, word, out) {
      const responseId = hasId ? '' : fresh('id', told['id'])
      if (responseId !== '') hasId = true
      const before = metadata
      for (const name of fields) add(name, told[name])
      add('finish_reason', word)
      if (responseId === '' && metadata === before) return
      out.push({
        type: 'meta',
        ...(responseId === '' ? {} : { responseId }),
        ...(metadata === before ? {} : { metadata }),
      })
    },
  }
}

// OpenAI and most others, Kimi, MiniMax, Kimi Code, OpenRouter.
const idHeaders = ['x-request-id', 'msh-request-id', 'trace-id', 'x-trace-id', 'x-generation-id']

/** The provider's own id of a request, which its support asks for; undefined when no header holds one. */
export function requestIdIn(upstream: Upstream, headers: UpstreamHeaders): Delta | undefined {
  for (const name of idHeaders) {
    const id = headers[name]
    if (id === undefined || !/^[\w.:-]{1,128}$/.test(id)) continue
    return safeName(upstream, id) === '' ? undefined : { type: 'meta', metadata: { request_id: id } }
  }
  return undefined
}
