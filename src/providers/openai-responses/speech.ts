// Tells what a model says and thinks on the Responses wire, in pieces and then whole, and seals what it thought.
import type { Delta } from '../../core/delta.ts'
import { createHalfKeeper } from '../openai-dialect/halves.ts'
import { foreign, foreignList, foreignText } from '../openai-dialect/wire.ts'
import { seal, sealedItem } from './sealed.ts'
import type { SealedItem } from './wire.ts'

/** Tells the messages and thoughts of one answer. `place` is an item's index in the output, `part` that of a piece in it. */
export interface SpeechTeller {
  say(place: number, part: number, piece: unknown, out: Delta[]): void
  think(place: number, part: number, piece: unknown, out: Delta[]): void
  cite(annotation: unknown, out: Delta[]): void
  /** Tells what a whole message holds beyond the pieces. */
  endMessage(place: number, item: unknown, out: Delta[]): void
  /** Tells what a whole reasoning item holds beyond the pieces, and seals it. */
  endThought(place: number, item: unknown, out: Delta[]): void
  /** Says that something else than text came in between. */
  interrupt(): void
  /** Tells halves of characters that nothing followed. */
  end(out: Delta[]): void
}

/** Makes a teller for one answer. */
export function createSpeechTeller(): SpeechTeller {
  const texts = createHalfKeeper()
  const thoughts = createHalfKeeper()
  const told = new Map<string, string>()
  const cited = new Set<string>()
  let lastThought = ''
  // What is sealed in the part that thoughts are being added to; undefined while there is none.
  let run: SealedItem[] | undefined

  // A part is told whole when its item ends: the rest of it, if it goes on as the pieces began.
  function rest(key: string, whole: string): string {
    const before = told.get(key) ?? ''
    return whole.startsWith(before) ? whole.slice(before.length) : ''
  }

  function pushText(text: string, out: Delta[]): void {
    if (text === '') return
    run = undefined
    out.push({ type: 'text', text })
  }

  function pushThought(text: string, out: Delta[]): void {
    if (text === '') return
    run ??= []
    out.push({ type: 'reasoning', text })
  }

  function say(place: number, part: number, piece: unknown, out: Delta[]): void {
    const text = foreignText(piece)
    const key = `${place}.${part}`
    told.set(key, (told.get(key) ?? '') + text)
    pushText(texts.take(text), out)
  }

  function think(place: number, part: number, piece: unknown, out: Delta[]): void {
    const text = foreignText(piece)
    if (text === '') return
    const key = `${place}.${part}`
    told.set(key, (told.get(key) ?? '') + text)
    // Each part of a summary is a paragraph.
    const seam = run !== undefined && key !== lastThought ? `${thoughts.rest()}\n\n` : ''
    lastThought = key
    pushThought(seam + thoughts.take(text), out)
  }

  function cite(annotation: unknown, out: Delta[]): void {
    const source = foreign<'type' | 'url' | 'title'>(annotation)
    const url = source?.type === 'url_citation' ? foreignText(source.url) : ''
    if (url === '' || cited.has(url)) return
    cited.add(url)
    out.push({ type: 'citation', url, title: foreignText(source?.title), text: '' })
  }

  return {
    say,
    think,
    cite,
    endMessage(place, item, out) {
      const parts = foreignList(foreign<'content'>(item)?.content)
      for (const [index, part] of parts.entries()) {
        const content = foreign<'text' | 'refusal' | 'annotations'>(part)
        const whole = foreignText(content?.text) || foreignText(content?.refusal)
        say(place, index, rest(`${place}.${index}`, whole), out)
        for (const annotation of foreignList(content?.annotations)) cite(annotation, out)
      }
      pushText(texts.rest(), out)
    },
    endThought(place, item, out) {
      const summary = foreignList(foreign<'summary'>(item)?.summary)
      for (const [index, part] of summary.entries()) {
        const whole = foreignText(foreign<'text'>(part)?.text)
        think(place, index, rest(`${place}.${index}`, whole), out)
      }
      pushThought(thoughts.rest(), out)
      const sealed = sealedItem(item)
      if (sealed === undefined) return
      // Thoughts that follow one another are one part of the answer, whose seal holds the items of all of them.
      run?.push(sealed)
      out.push({ type: 'reasoning_opaque', opaque: seal(run ?? [sealed]) })
    },
    interrupt() {
      run = undefined
    },
    end(out) {
      pushThought(thoughts.rest(), out)
      pushText(texts.rest(), out)
    },
  }
}
