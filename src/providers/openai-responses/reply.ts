// Reads an answer of the Responses wire that came as one JSON document.
import type { Delta } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AnswerOptions } from '../openai-dialect/answer.ts'
import type { Upstream } from '../openai-dialect/dialect.ts'
import { broken } from '../openai-dialect/errors.ts'
import { createAnswerReader } from './answer.ts'

/** Reads the text of a 200 answer. Throws a GatewayError when it holds an error, or is not a whole answer. */
export function readReply(upstream: Upstream, text: string, options: AnswerOptions): readonly Delta[] {
  const answer = createAnswerReader(upstream, options)
  const out: Delta[] = []
  answer.take(parse(upstream, text), out)
  answer.end(out)
  return out
}

/** The JSON value of a 200 answer. Throws UPSTREAM_BROKEN when it is none, UPSTREAM_UNAVAILABLE when it is a web page. */
export function parse(upstream: Upstream, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!/^\s*</.test(text)) throw broken(upstream, 'sent an answer that is no whole JSON', error)
    const { provider, model } = upstream
    // Proxies and wrong base URLs answer with pages: no model was asked.
    throw new GatewayError(
      'UPSTREAM_UNAVAILABLE',
      `${provider} answered with a web page instead of JSON: check its base URL`,
      { provider, model },
    )
  }
}
