// Texts that are the same each time but for the id of a request, plainly or in base64: made once, and then only the id is put in.

/** Puts an id into a text that was made for another one of the same length. */
export type Mould = (id: string) => string

/** The shortest id that has one: a shorter one could stand in a text by chance. */
export const MOULD_ID_MIN = 16
/** The longest: ids are the caller's choice, and each length has a mould of its own. */
export const MOULD_ID_MAX = 64

/** An id of this length that no text has by chance. */
export function standInOf(length: number): string {
  return 'Z'.repeat(length)
}

// Long enough for a stand-in with anything around it.
const BASE64 = /[A-Za-z0-9+/]{20,}={0,2}/g

/** Makes a mould of a text of Latin-1 that was made for this stand-in. */
export function mouldOf(text: string, standIn: string): Mould {
  const pieces: Mould[] = []
  let from = 0
  for (const { 0: run, index } of text.matchAll(BASE64)) {
    const bytes = Buffer.from(run, 'base64')
    const at = bytes.indexOf(standIn, 0, 'latin1')
    if (at < 0) continue
    pieces.push(plain(text.slice(from, index), standIn), encoded(bytes, at, run.length))
    from = index + run.length
  }
  pieces.push(plain(text.slice(from), standIn))
  return id => pieces.reduce((sum, piece) => sum + piece(id), '')
}

function plain(text: string, standIn: string): Mould {
  const parts = text.split(standIn)
  return parts.length === 1 ? () => text : id => parts.join(id)
}

/** The bytes are written over by each id: they are read at once. */
function encoded(bytes: Buffer, at: number, length: number): Mould {
  return id => {
    bytes.write(id, at, 'latin1')
    // Without the padding where the text had none.
    return bytes.toString('base64').slice(0, length)
  }
}
