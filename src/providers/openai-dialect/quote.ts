// Puts a provider's own words into our messages without what must not be in them.
import type { Upstream } from './dialect.ts'

const QUOTE_CHARS_MAX = 500
const CODE_CHARS_MAX = 64
const NAME_CHARS_MAX = 256

/** The words as the end of a message, behind a colon; empty when there are none. */
export function quoted(upstream: Upstream, message: string): string {
  // Line breaks and other control characters would let a provider's text pass for lines of a log.
  const text = upstream
    .redact(message)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
  if (text === '') return ''
  return `: ${text.length > QUOTE_CHARS_MAX ? `${text.slice(0, QUOTE_CHARS_MAX).toWellFormed()}…` : text}`
}

/** A provider's code with nothing in it that is none. */
export function safeCode(upstream: Upstream, code: string): string {
  return upstream
    .redact(code)
    .replace(/[^\w.:-]+/g, '_')
    .slice(0, CODE_CHARS_MAX)
}

/**
 * A name that a provider gives an answer, such as its id, which goes to callers unchanged: empty when it is longer than 256
 * characters, or when there is anything like a key in it.
 */
export function safeName(upstream: Upstream, value: unknown): string {
  if (typeof value !== 'string' || value.length > NAME_CHARS_MAX) return ''
  return upstream.redact(value) === value ? value : ''
}
