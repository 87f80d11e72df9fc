// Reads a checked Responses body into the neutral terms that the deterministic answer is made from.
import { type Chat, countWords } from './answer.ts'
import { contentText, effortTokens, MEDIA_PART_TOKENS } from './openai-chat.ts'
import type { ModelRule } from './openai-models.ts'
import { responsesEffort, type Turn } from './responses-rules.ts'
import { withoutFaults } from './script.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'

/** The text of the last user message; faults still in it. */
export const lastUserTextIn = (items: readonly unknown[]): string =>
  contentText(objectOf(items.findLast(each => objectOf(each)['role'] === 'user'))['content'])

/** An item is its words, those of its arguments or output, and 85 tokens for each part that is not text. */
function tokensOf(item: unknown): number {
  const { content, arguments: given, output } = objectOf(item)
  const media = listOf(content).filter(part => objectOf(part)['text'] === undefined).length
  const words = [withoutFaults(contentText(content)), textOf(given), textOf(output)].join(' ')
  return countWords(words) + media * MEDIA_PART_TOKENS
}

/** The outputs behind the last item that is none. */
function lastOutputs(items: readonly unknown[]): readonly string[] {
  const last = items.findLastIndex(each => objectOf(each)['type'] !== 'function_call_output')
  return items.slice(last + 1).map(each => textOf(objectOf(each)['output']))
}

function toolChoiceOf(choice: unknown): Chat['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice
  const { type, name, mode, tools } = objectOf(choice)
  if (type === 'function') return [textOf(name)]
  return type === 'allowed_tools' && mode === 'required'
    ? listOf(tools).map(tool => textOf(objectOf(tool)['name']))
    : 'auto'
}

function formatOf(body: JsonObject): Chat['format'] {
  const { type, schema } = objectOf(objectOf(body['text'])['format'])
  if (type === 'json_object') return 'json_object'
  return type === 'json_schema' ? { schema } : 'text'
}

/** How many tokens stand before the last item, with the instructions. */
export function prefixTokens({ body, items }: Turn): number {
  const instructions = countWords(textOf(body['instructions']))
  return items.slice(0, -1).reduce<number>((sum, each) => sum + tokensOf(each), instructions)
}

/** Reads the body. */
export function readTurn(
  turn: Turn,
  model: ModelRule,
  known: { readonly prefixIsCached: boolean; readonly nextCallId: () => string },
): Chat {
  const { body, items } = turn
  const prefix = prefixTokens(turn)
  const maxTokens = body['max_output_tokens']
  return {
    lastUserText: withoutFaults(lastUserTextIn(items)),
    lastToolResults: lastOutputs(items),
    tools: listOf(body['tools']).map(tool => {
      const { name, parameters } = objectOf(tool)
      return { name: textOf(name), schema: parameters ?? { type: 'object' } }
    }),
    toolChoice: toolChoiceOf(body['tool_choice']),
    parallelTools: body['parallel_tool_calls'] !== false,
    format: formatOf(body),
    stop: [],
    ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
    promptTokens: prefix + tokensOf(items.at(-1)),
    cachedTokens: known.prefixIsCached ? prefix : 0,
    reasoningTokens: effortTokens[responsesEffort(body, model)] ?? 0,
    nextCallId: known.nextCallId,
  }
}
