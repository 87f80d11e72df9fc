// Reads what a model says and thinks out of the messages and deltas of one answer.
import type { Delta } from '../../core/delta.ts'
import { createDetailsKeeper } from './details.ts'
import type { Dialect } from './dialect.ts'
import { createGrowth, plainGrowth } from './growth.ts'
import { createHalfKeeper } from './halves.ts'
import { createTagFilter, createThinkSplitter, type Parted } from './tags.ts'
import { type Foreign, foreign, foreignList, foreignText } from './wire.ts'

/** The fields that speech can stand in. */
export type SpeechFields =
  | 'content'
  | 'refusal'
  | 'reasoning_content'
  | 'reasoning'
  | 'reasoning_details'
  | 'thinking'

/** Reads the text and the thoughts of one answer. */
export interface SpeechReader {
  /** Returns false when there is more to be kept of the thoughts than can be kept. */
  take(said: Foreign<SpeechFields>, out: Delta[]): boolean
  /** Adds what was held back: at the end, and before anything that is no speech. */
  end(out: Delta[]): void
}

/** Makes a reader for one answer. */
export function createSpeechReader(dialect: Dialect): SpeechReader {
  const cumulative = dialect.cumulative === true
  const texts = { growth: cumulative ? createGrowth() : plainGrowth, halves: createHalfKeeper() }
  const thoughts = { growth: cumulative ? createGrowth() : plainGrowth, halves: createHalfKeeper() }
  const splitter = dialect.thinkTags === true ? createThinkSplitter() : undefined
  const filter = createTagFilter(dialect.strayTags ?? [])
  const details = dialect.reasoningDetails === true ? createDetailsKeeper(cumulative) : undefined
  // The same thoughts may stand in a field and in the text (vellum-assistant#34556): where they came first, they count.
  let source: 'field' | 'text' | undefined

  function think(text: string, from: 'field' | 'text', out: Delta[]): void {
    if (text === '') return
    source ??= from
    if (source === from) out.push({ type: 'reasoning', text })
  }

  function seal(out: Delta[]): void {
    const opaque = details?.sealed()
    if (opaque !== undefined) out.push({ type: 'reasoning_opaque', opaque })
  }

  function say(text: string, out: Delta[]): void {
    if (text === '') return
    seal(out)
    out.push({ type: 'text', text })
  }

  function part({ thought, text }: Parted, out: Delta[]): void {
    think(thought, 'text', out)
    say(filter.take(text), out)
  }

  function content(text: string, out: Delta[]): void {
    part(splitter === undefined ? { thought: '', text } : splitter.take(text), out)
  }

  return {
    take(said, out) {
      const fits = details === undefined || details.take(said.reasoning_details)
      think(thoughts.halves.take(thoughts.growth.take(readThought(said))), 'field', out)
      content(texts.halves.take(texts.growth.take(readContent(said.content))), out)
      // A refusal is what the model says, in a field of its own.
      say(texts.halves.take(foreignText(said.refusal)), out)
      return fits
    },
    end(out) {
      think(thoughts.halves.take(thoughts.growth.rest()) + thoughts.halves.rest(), 'field', out)
      content(texts.halves.take(texts.growth.rest()) + texts.halves.rest(), out)
      if (splitter !== undefined) part(splitter.rest(), out)
      say(filter.rest(), out)
      seal(out)
    },
  }
}

// Some hosts send the same thought in two fields: the first one that holds text is taken.
function readThought(said: Foreign<SpeechFields>): string {
  return (
    foreignText(said.reasoning_content) ||
    foreignText(said.reasoning) ||
    readDetails(foreignList(said.reasoning_details)) ||
    foreignText(said.thinking)
  )
}

function readDetails(details: readonly unknown[]): string {
  let text = ''
  for (const detail of details) {
    const fields = foreign<'text' | 'summary'>(detail)
    text += foreignText(fields?.text) || foreignText(fields?.summary)
  }
  return text
}

function readContent(content: unknown): string {
  if (typeof content === 'string') return content
  return foreignList(content)
    .map(part => foreignText(part) || foreignText(foreign<'text'>(part)?.text))
    .join('')
}
