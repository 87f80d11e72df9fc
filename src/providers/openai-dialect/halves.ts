// Keeps characters whole that a provider cut in the middle of their surrogate pair.

/** Joins the pieces of one text. */
export interface HalfKeeper {
  /** Takes a piece and returns what can be passed on: less a first half at its end, plus the one before it. */
  take(piece: string): string
  /** Returns a half that nothing followed, as the replacement character; empty when there is none. */
  rest(): string
}

/** Makes a keeper for one text. */
export function createHalfKeeper(): HalfKeeper {
  let half = ''
  return {
    take(piece) {
      if (piece === '') return ''
      const text = half + piece
      const last = text.charCodeAt(text.length - 1)
      half = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : ''
      return half === '' ? text : text.slice(0, -1)
    },
    rest() {
      const text = half.toWellFormed()
      half = ''
      return text
    },
  }
}
