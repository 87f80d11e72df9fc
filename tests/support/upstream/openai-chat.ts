// Reads a checked Chat Completions body into the neutral terms that the deterministic answer is made from.
import { type Chat, countWords } from './answer.ts'
import type { ServedModel } from './openai-models.ts'
import { effortOf } from './openai-rules.ts'
import { withoutFaults } from './script.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'

/** What a part that is not text counts. */
export const MEDIA_PART_TOKENS = 85
/** How many tokens of thought an effort takes here. */
export const effortTokens: Readonly<Record<string, number>> = {
  minimal: 4,
  low: 8,
  medium: 16,
  high: 32,
  xhigh: 64,
  max: 128,
}

/** All text of a message's content, parts joined by spaces. */
export const contentText = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map(part => textOf(objectOf(part)['text']))
        .join(' ')

/** The text of the last user message; faults still in it. */
export const lastUserText = (body: JsonObject): string =>
  contentText(
    objectOf(listOf(body['messages']).findLast(each => objectOf(each)['role'] === 'user'))['content'],
  )

/** A message is its words, the words of its tool arguments, and 85 tokens for each part that is not text. */
function tokensOf(message: unknown): number {
  const { content, tool_calls } = objectOf(message)
  const media = listOf(content).filter(part => objectOf(part)['type'] !== 'text').length
  const calls = listOf(tool_calls).map(call => textOf(objectOf(objectOf(call)['function'])['arguments']))
  return (
    countWords(withoutFaults(contentText(content))) + countWords(calls.join(' ')) + media * MEDIA_PART_TOKENS
  )
}

/** The results behind the last turn that is not a result. */
function lastToolResults(messages: readonly unknown[]): readonly string[] {
  const last = messages.findLastIndex(each => objectOf(each)['role'] !== 'tool')
  return messages.slice(last + 1).map(each => contentText(objectOf(each)['content']))
}

function toolChoiceOf(choice: unknown): Chat['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice
  const { type, function: fn, allowed_tools } = objectOf(choice)
  if (type === 'function') return [textOf(objectOf(fn)['name'])]
  if (type !== 'allowed_tools' || objectOf(allowed_tools)['mode'] !== 'required') return 'auto'
  return listOf(objectOf(allowed_tools)['tools']).map(tool =>
    textOf(objectOf(objectOf(tool)['function'])['name']),
  )
}

function formatOf(format: unknown): Chat['format'] {
  const { type, json_schema } = objectOf(format)
  if (type === 'json_object') return 'json_object'
  return type === 'json_schema' ? { schema: objectOf(json_schema)['schema'] } : 'text'
}

/**
 * Reads the body. `prefixIsCached` says that this prompt_cache_key was met before: then all messages but the last
 * count as read from the cache.
 */
export function readChat(
  body: JsonObject,
  model: ServedModel,
  known: { readonly prefixIsCached: boolean; readonly nextCallId: () => string },
): Chat {
  const messages = listOf(body['messages'])
  const tokens = messages.map(tokensOf)
  const promptTokens = tokens.reduce((sum, each) => sum + each, 0)
  const maxTokens = body['max_completion_tokens'] ?? body['max_tokens']
  return {
    lastUserText: withoutFaults(lastUserText(body)),
    lastToolResults: lastToolResults(messages),
    tools: listOf(body['tools']).flatMap(tool => {
      const { type, function: fn } = objectOf(tool)
      const { name, parameters } = objectOf(fn)
      return type === 'function' ? [{ name: textOf(name), schema: parameters ?? { type: 'object' } }] : []
    }),
    toolChoice: toolChoiceOf(body['tool_choice']),
    parallelTools: body['parallel_tool_calls'] !== false,
    format: formatOf(body['response_format']),
    stop: typeof body['stop'] === 'string' ? [body['stop']] : listOf(body['stop']).map(textOf),
    ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
    promptTokens,
    cachedTokens: known.prefixIsCached ? promptTokens - (tokens.at(-1) ?? 0) : 0,
    reasoningTokens: effortTokens[effortOf(body, model.rule)] ?? 0,
    nextCallId: known.nextCallId,
  }
}
