// Text from outside on a terminal: nothing in it may move the cursor, change the screen or turn the writing around.

// Control characters but line feed and tab, and what overrides the direction of writing (UAX #9, 2.1 to 2.4). The
// joiners of emoji and of several scripts are harmless, and stay.
const HARMFUL = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu

/** Text of several lines, such as an answer, without what could harm; pieces of a text may be cleaned one by one. */
export function safeText(text: string): string {
  return text.replace(HARMFUL, '')
}

/** One line, such as a name: what is no visible character is shown as a mark. */
export function safeLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\u{FFFD}')
}

/** JSON with the same value, in which such characters stand as escapes. It must have no line breaks between its tokens. */
export function safeJson(json: string): string {
  return json.replace(HARMFUL, one => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
