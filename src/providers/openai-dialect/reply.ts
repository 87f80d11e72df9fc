// Reads an answer that came as one JSON document.
import type { Delta } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AnswerReader } from './answer.ts'
import type { Upstream } from './dialect.ts'
import { broken } from './errors.ts'

/** Reads the text of a 200 answer. Throws a GatewayError when it holds an error, or is not a whole answer. */
export function readReply(upstream: Upstream, text: string, answer: AnswerReader): readonly Delta[] {
  const out: Delta[] = []
  answer.take(parseReply(upstream, text), out)
  answer.end(out)
  return out
}

/** The JSON of an answer. Throws UPSTREAM_BROKEN, or UPSTREAM_UNAVAILABLE for a page. */
export function parseReply(upstream: Upstream, text: string): unknown {
  try {
    // JSON.parse skips the blank lines with which DeepSeek keeps a connection alive before its answer.
    return JSON.parse(text)
  } catch {
    if (looksLikePage(text)) throw pageError(upstream)
    // Without the parser's own words: they quote the text.
    throw broken(upstream, 'sent an answer that is no whole JSON')
  }
}

// Proxies and wrong base URLs answer with pages.
function looksLikePage(text: string): boolean {
  return /^\s*<(?:!doctype|html|head|body|\?xml)/i.test(text)
}

// No model was asked.
function pageError(upstream: Upstream): GatewayError {
  const { provider, model } = upstream
  return new GatewayError(
    'UPSTREAM_UNAVAILABLE',
    `${provider} answered with a web page instead of JSON: check its base URL`,
    { provider, model },
  )
}
