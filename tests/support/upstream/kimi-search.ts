// Kimi's own web search: the model asks for it with `$web_search`, and the caller must echo the arguments unchanged.
import type { ToolCall } from './answer.ts'
import { kimiInvalid } from './kimi-errors.ts'
import { WEB_SEARCH } from './kimi-request.ts'
import { toolsOf } from './kimi-rules.ts'
import type { Reply } from './reply.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'

/** What the results of one search count in the prompt of the next request. */
export const SEARCH_RESULT_TOKENS = 250

/** Remembers the searches that were asked for. */
export type KimiSearch = {
  /** The call that the model makes when it may search and has not done so since the last user message. */
  callFor(body: JsonObject, nextCallId: () => string): ToolCall | undefined
  /** Refuses an echo that differs from what was issued. */
  brokenEcho(body: JsonObject): Reply | undefined
}

/** Makes the memory of one upstream. */
export function createKimiSearch(): KimiSearch {
  const issued = new Map<string, string>()
  return {
    callFor(body, nextCallId) {
      const offered = toolsOf(body).some(tool => objectOf(tool)['type'] === 'builtin_function')
      if (!offered || body['tool_choice'] === 'none' || searchesOf(turnOf(body)).length > 0) return undefined
      const id = nextCallId()
      // Spacing, key order and escapes are such that parsing and printing it again gives another string.
      const text = `{"search_result": {"search_id": "s\\u002d${issued.size + 1}"}, "usage": {"total_tokens": ${SEARCH_RESULT_TOKENS}.0}}`
      issued.set(id, text)
      return { id, name: WEB_SEARCH, arguments: text }
    },
    brokenEcho(body) {
      const messages = listOf(body['messages']).map(objectOf)
      for (const { id, given } of searchesOf(messages)) {
        const asked = issued.get(id) ?? given
        const result = messages.find(each => each['role'] === 'tool' && each['tool_call_id'] === id)
        if (given === asked && objectOf(result)['content'] === asked) continue
        return kimiInvalid(
          `the arguments of ${WEB_SEARCH} must be returned unchanged in the tool message ${id}`,
        )
      }
      return undefined
    },
  }
}

/** How many searches have been made since the last user message. */
export const searchesMade = (body: JsonObject): number => searchesOf(turnOf(body)).length

/** Whether a tool message answers a search. */
export function answersSearch(message: unknown, body: JsonObject): boolean {
  const id = objectOf(message)['tool_call_id']
  return searchesOf(listOf(body['messages']).map(objectOf)).some(search => search.id === id)
}

const turnOf = (body: JsonObject): readonly JsonObject[] => {
  const messages = listOf(body['messages']).map(objectOf)
  return messages.slice(messages.findLastIndex(each => each['role'] === 'user') + 1)
}

const searchesOf = (messages: readonly JsonObject[]): readonly { id: string; given: string }[] =>
  messages
    .flatMap(each => listOf(each['tool_calls']).map(objectOf))
    .filter(call => objectOf(call['function'])['name'] === WEB_SEARCH)
    .map(call => ({ id: textOf(call['id']), given: textOf(objectOf(call['function'])['arguments']) }))
