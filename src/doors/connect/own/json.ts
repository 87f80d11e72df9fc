// Reads JSON and makes sure that no name stands twice in an object, without looking at each character of long texts.
import { DEPTH_MAX } from '../../http/json-size.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

// So far the search for the end of a string costs less by hand than by a call.
const SHORT_BYTES = 48

/**
 * The value of a text; undefined for one that is no JSON, has a name twice in an object, or is too deep. Of two members with one
 * name JSON.parse keeps the last (RFC 8259, 4, leaves that open), so a text with more of them than its value has is refused.
 */
export function readJson(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const value = parsed(text.toString())
  if (value === undefined || namesInValue(value, 0) !== namesInText(text)) return undefined
  return value
}

/** The value of a text as JSON.parse gives it; undefined for one that is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // connect-es says what is wrong.
    return undefined
  }
}

/** Colons of a JSON text that stand in no string. */
function namesInText(text: Buffer): number {
  let names = 0
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at]
    if (byte === QUOTE) at = endOfString(text, at)
    else if (byte === COLON) names += 1
  }
  return names
}

/** The place of the quote that ends a string. */
function endOfString(text: Buffer, start: number): number {
  const shortEnd = Math.min(text.length, start + SHORT_BYTES)
  let at = start + 1
  for (; at < shortEnd; at += 1) {
    const byte = text[at]
    if (byte === QUOTE) return at
    if (byte === BACKSLASH) at += 1
  }
  // From here on a backslash may stand before what is found.
  for (at = text.indexOf(QUOTE, at); at >= 0; at = text.indexOf(QUOTE, at + 1)) {
    let escapes = 0
    while (text[at - 1 - escapes] === BACKSLASH) escapes += 1
    if (escapes % 2 === 0) return at
  }
  return text.length
}

/** Members of all objects in a value; not a number for one that is too deep. */
function namesInValue(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth > DEPTH_MAX) return Number.NaN
  let names = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') names += namesInValue(item, depth + 1)
    return names
  }
  for (const item of Object.values(value)) {
    names += 1
    if (typeof item === 'object') names += namesInValue(item, depth + 1)
  }
  return names
}
