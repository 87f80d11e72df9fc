// What the Responses double has issued: reasoning items, the calls that need them, and stored responses.
import { isDeepStrictEqual } from 'node:util'
import { openAiError } from './openai-errors.ts'
import type { Reply } from './reply.ts'
import { type JsonObject, objectOf, textOf } from './shape.ts'

/** The memory of one upstream. */
export type ResponsesMemory = {
  /** Keeps the items of a response; with `stored` also the whole turn, for `previous_response_id`. */
  remember(id: string, input: readonly unknown[], output: readonly JsonObject[], stored: boolean): void
  /** The items of a stored response, input and output; undefined when it was not stored. */
  turnsOf(id: string): readonly unknown[] | undefined
  /** Refuses reasoning that was not issued in just this form, or that is missing before its calls. */
  brokenReplay(items: readonly unknown[], stateless: boolean): Reply | undefined
}

/** Makes an empty memory. */
export function createMemory(): ResponsesMemory {
  const reasoning = new Map<string, { readonly item: JsonObject; readonly stored: boolean }>()
  const neededBy = new Map<string, readonly string[]>()
  const turns = new Map<string, readonly unknown[]>()

  function refuseReasoning(given: JsonObject, index: number, next: unknown): Reply | undefined {
    const id = textOf(given['id'])
    const issued = reasoning.get(id)
    const param = `input[${index}]`
    if (issued === undefined || !sameItem(given, issued.item)) {
      const message = `The encrypted content for item ${id} could not be verified.`
      return openAiError(400, 'invalid_encrypted_content', message, param)
    }
    if (given['encrypted_content'] === undefined && !issued.stored) {
      const message = `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`
      return openAiError(404, null, message, 'input')
    }
    const { type, role } = objectOf(next)
    if (type === 'reasoning' || type === 'function_call' || role === 'assistant') return undefined
    const message = `Item '${id}' of type 'reasoning' was provided without its required following item.`
    return openAiError(400, null, message, param)
  }

  return {
    remember(id, input, output, stored) {
      const thoughts = output.filter(item => item['type'] === 'reasoning')
      const ids = thoughts.map(item => textOf(item['id']))
      for (const item of thoughts) reasoning.set(textOf(item['id']), { item, stored })
      for (const item of output) {
        if (item['type'] === 'function_call') neededBy.set(textOf(item['call_id']), ids)
      }
      if (stored) turns.set(id, [...input, ...output])
    },
    turnsOf: id => turns.get(id),
    brokenReplay(items, stateless) {
      // The reasoning that stands between the last user message and the item at hand.
      let before: string[] = []
      for (const [index, each] of items.entries()) {
        const item = objectOf(each)
        if (item['role'] === 'user') before = []
        if (item['type'] === 'reasoning') {
          const refusal = refuseReasoning(item, index, items[index + 1])
          if (refusal !== undefined) return refusal
          before.push(textOf(item['id']))
        }
        if (item['type'] !== 'function_call' || !stateless) continue
        const callId = textOf(item['call_id'])
        const needed = neededBy.get(callId) ?? []
        if (
          isDeepStrictEqual(
            before.filter(id => needed.includes(id)),
            needed,
          )
        )
          continue
        const message = `Item '${callId}' of type 'function_call' was provided without its required 'reasoning' item: '${needed.join("', '")}'.`
        return openAiError(400, null, message, 'input')
      }
      return undefined
    },
  }
}

/** Equal field for field and byte for byte; without the encrypted content when the replay has none. */
function sameItem(given: JsonObject, issued: JsonObject): boolean {
  if (given['encrypted_content'] !== undefined) return isDeepStrictEqual(given, issued)
  const { encrypted_content: _sealed, ...rest } = issued
  return isDeepStrictEqual(given, rest)
}
