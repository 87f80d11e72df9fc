// How large a JSON text is once it is decoded: four million bytes can hold two million empty objects.

/** Fields, elements and entries that a request may have: a chat of a thousand messages has some thousands. */
export const PIECES_MAX = 100_000

/** No fewer bytes can hold more pieces than that. */
export const COUNTED_FROM_BYTES = 2 * PIECES_MAX

/** What is said to whoever sends more. */
export const TOO_MANY_PIECES = `the request has more than ${PIECES_MAX} fields and elements, the most that is read: send less at once`

/** How deep objects and lists may stand in one another, as in protobuf. */
export const DEPTH_MAX = 100

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const BRACKET = 0x5b
const BRACE = 0x7b

/** The size of a JSON text. */
export interface JsonSize {
  /** Objects, lists and what follows a comma in them. Counted until it is above the limit. */
  readonly pieces: number
  /** How many objects and lists stand in one another, as far as it was counted. */
  readonly depth: number
}

/** Measures a text without decoding it. Of one that is no JSON the numbers mean nothing. */
export function jsonSize(bytes: Uint8Array): JsonSize {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let pieces = 0
  let open = 0
  let depth = 0
  for (let at = 0; at < text.length && pieces <= PIECES_MAX; at += 1) {
    const byte = text[at] ?? 0
    if (byte === QUOTE) at = endOfString(text, at)
    else if (byte === COMMA) pieces += 1
    else if (byte === BRACKET || byte === BRACE) {
      pieces += 1
      open += 1
      if (open > depth) depth = open
    } // The closing one of each stands two places behind the opening one.
    else if (byte === BRACKET + 2 || byte === BRACE + 2) open -= 1
  }
  return { pieces, depth }
}

/** The place of the quote that ends a string, or the end of the text. */
function endOfString(text: Buffer, start: number): number {
  for (let at = text.indexOf(QUOTE, start + 1); at >= 0; at = text.indexOf(QUOTE, at + 1)) {
    let escapes = 0
    while (text[at - 1 - escapes] === BACKSLASH) escapes += 1
    if (escapes % 2 === 0) return at
  }
  return text.length
}
