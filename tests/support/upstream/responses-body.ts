// Checks the body of any of OpenAI's JSON endpoints: its content type, its syntax, its shape.
import { openAiError, refusalOf } from './openai-errors.ts'
import type { Reply } from './reply.ts'
import { isObject, type JsonObject, type Shape, ShapeError } from './shape.ts'
import type { UpstreamRequest } from './wire.ts'

/** A body that may be used, or why it is refused. */
export type CheckedBody = { readonly refusal: Reply } | { readonly body: JsonObject }

/** Checks a body against a shape. */
export function checkOpenAiBody(request: UpstreamRequest, shape: Shape): CheckedBody {
  const { body } = request
  if (!/^application\/json(\s*;\s*charset=utf-8)?$/i.test(request.headers['content-type'] ?? '')) {
    return {
      refusal: openAiError(400, 'unsupported_content_type', 'The content type must be application/json.'),
    }
  }
  if (!isObject(body))
    return { refusal: openAiError(400, null, 'We could not parse the JSON body of your request.') }
  try {
    shape(body, '')
  } catch (error) {
    if (error instanceof ShapeError) return { refusal: refusalOf(error.violation) }
    throw error
  }
  return { body }
}
