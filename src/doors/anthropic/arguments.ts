// Arguments of tool calls: JSON text as the model wrote it with us, an object with Anthropic.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { isObject } from '../http/fields.ts'

// https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming, "Handling invalid JSON".
const INVALID = 'INVALID_JSON'

/** The object of a text. What is no JSON object stands in one, whole. */
export function argumentsObject(text: string): JsonObject {
  const value = parse(text === '' ? '{}' : text)
  return isObject(value) ? value : { [INVALID]: text }
}

/** The text of an object; what was put into one because it was none comes out again. */
export function argumentsText(input: JsonObject): string {
  const invalid = input[INVALID]
  return typeof invalid === 'string' && Object.keys(input).length === 1 ? invalid : JSON.stringify(input)
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    // What a model wrote need not be what was asked of it.
    return undefined
  }
}
