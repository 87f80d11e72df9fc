// Takes thoughts and marks out of a text that comes in pieces, wherever the pieces cut the tags.

/** What a piece of content holds. */
export interface Parted {
  readonly thought: string
  readonly text: string
}

/** Parts the thoughts at the beginning of a text from the text itself. */
export interface ThinkSplitter {
  take(piece: string): Parted
  /** What was held back and is all that comes. */
  rest(): Parted
}

const OPEN = '<think>'
const CLOSE = '</think>'

/** Makes one for one answer. Only a tag at the very beginning counts: later ones are what the model writes about. */
export function createThinkSplitter(): ThinkSplitter {
  let place: 'start' | 'opened' | 'thought' | 'closed' | 'text' = 'start'
  let held = ''

  function step(): Parted {
    switch (place) {
      case 'start': {
        const begun = held.trimStart()
        if (begun.startsWith(OPEN)) return go('opened', begun.slice(OPEN.length))
        return OPEN.startsWith(begun) ? nothing : go('text', held)
      }
      case 'opened':
      case 'closed': {
        const text = held.trimStart()
        if (text === '') return nothing
        return go(place === 'opened' ? 'thought' : 'text', text)
      }
      case 'thought': {
        const end = held.indexOf(CLOSE)
        const cut = withoutTail(held.slice(0, end === -1 ? held.length - partLength(held, CLOSE) : end))
        const thought = held.slice(0, cut)
        if (end === -1) held = held.slice(cut)
        const after = end === -1 ? nothing : go('closed', held.slice(end + CLOSE.length))
        return { thought: thought + after.thought, text: after.text }
      }
      case 'text': {
        const text = held
        held = ''
        return { thought: '', text }
      }
      default:
        return place satisfies never
    }
  }

  function go(next: typeof place, rest: string): Parted {
    place = next
    held = rest
    return step()
  }

  return {
    take(piece) {
      held += piece
      return step()
    },
    rest() {
      const left = held
      held = ''
      if (place === 'thought') return { thought: left, text: '' }
      return { thought: '', text: place === 'start' || place === 'text' ? left : '' }
    },
  }
}

/** Takes fixed marks out of a text. */
export interface TagFilter {
  take(piece: string): string
  rest(): string
}

/** Makes one for one answer. */
export function createTagFilter(tags: readonly string[]): TagFilter {
  let held = ''
  return {
    take(piece) {
      if (tags.length === 0) return piece
      const text = tags.reduce((left, tag) => left.replaceAll(tag, ''), held + piece)
      const keep = Math.max(...tags.map(tag => partLength(text, tag)))
      held = text.slice(text.length - keep)
      return text.slice(0, text.length - keep)
    },
    rest() {
      const left = held
      held = ''
      return left
    },
  }
}

const nothing: Parted = { thought: '', text: '' }

/** How much of the end of a text can be the beginning of a tag. */
function partLength(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(tag.slice(0, length))) return length
  }
  return 0
}

// Line ends before the closing tag are part of the tag, and may come before it is known to come.
function withoutTail(text: string): number {
  return text.trimEnd().length
}
