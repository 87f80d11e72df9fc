// Joins the pieces of one streamed text, on hosts that may repeat in each piece all that came before it.

/** Takes pieces and gives what is new in each. */
export interface Growth {
  /** What can be said after this piece; nothing as long as it is not clear what the pieces are. */
  take(piece: string): string
  /** What is left to say when no more comes. */
  rest(): string
}

/** From so many characters on, a piece that begins with all that was said repeats it (MiniMax-AI/MiniMax-M2#95). */
const PROOF_CHARS = 16
/** Shorter beginnings are also repeated by chance (t8y2/dbx#6535), but hardly this often in a row. */
const PROOF_REPEATS = 2

/** Makes one for one text of one answer. */
export function createGrowth(): Growth {
  let kind: 'unclear' | 'pieces' | 'repeats' = 'unclear'
  let said = ''
  let held: string[] = []

  function say(text: string): string {
    said += text
    return text
  }

  /** Takes every piece since the first for a whole, of which the last one is the longest. */
  function grown(whole: string): string {
    kind = 'repeats'
    held = []
    return say(whole.slice(said.length))
  }

  function unclear(piece: string): string {
    const last = held.at(-1) ?? said
    if (last !== '' && piece.length > last.length && piece.startsWith(last)) {
      if (last.length >= PROOF_CHARS || held.length + 1 >= PROOF_REPEATS) return grown(piece)
      held.push(piece)
      return ''
    }
    // The first piece says nothing about the others, and is the same both ways.
    if (last !== '') kind = 'pieces'
    const text = held.join('') + piece
    held = []
    return say(text)
  }

  return {
    take(piece) {
      if (piece === '') return ''
      if (kind === 'unclear') return unclear(piece)
      if (kind === 'repeats') {
        if (said.startsWith(piece)) return ''
        return piece.startsWith(said) ? grown(piece) : say(piece)
      }
      const repeats = said.length >= PROOF_CHARS && piece.length > said.length && piece.startsWith(said)
      return repeats ? grown(piece) : say(piece)
    },
    rest() {
      const text = held.join('')
      held = []
      return say(text)
    },
  }
}

/** The same for hosts whose pieces are pieces. */
export const plainGrowth: Growth = { take: piece => piece, rest: () => '' }
