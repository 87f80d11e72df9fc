// Knows the chunks of a stream that differ from an earlier one in nothing but a text, so that they need not be parsed again.
import { type Foreign, foreign, foreignList } from './wire.ts'

/** A delta of a chunk. */
export type RawDelta = Foreign<string>

/** What is known of the chunks of one stream. */
export interface Repeats {
  /** The delta of a chunk that is one of those; undefined for any other. */
  deltaOf(data: string): RawDelta | undefined
  /** Learns from a chunk that was read in full. */
  learn(data: string, body: unknown): void
}

/** The texts in which chunks differ. */
const FIELDS = ['content', 'reasoning_content'] as const
/** So often in vain, and nothing is learnt any more: some hosts pad every chunk anew. */
const VAIN_MAX = 4
const PROBE = '\u0000'

/** What stands before and after the text. */
interface Frame {
  readonly head: string
  readonly tail: string
  readonly field: (typeof FIELDS)[number]
  /** What else its deltas say each time; undefined when they say nothing else. */
  readonly more: RawDelta | undefined
}

/**
 * Starts knowing nothing. Two texts of JSON that are alike but for one string between two of its quotes are alike in all else
 * that they say; so what is remembered is where that string begins and ends, and that the rest says nothing but once.
 */
export function createRepeats(): Repeats {
  let frame: Frame | undefined
  let vain = 0

  return {
    deltaOf(data) {
      if (frame === undefined) return undefined
      const { head, tail, field, more } = frame
      if (data.length < head.length + tail.length + 2) return undefined
      const end = data.length - tail.length
      // V8 compares whole strings a word at a time, and `startsWith` character by character.
      if (data.slice(0, head.length) !== head || data.slice(end) !== tail) return undefined
      const text = stringIn(data.slice(head.length, end))
      if (text === undefined) return undefined
      vain = 0
      if (more !== undefined) return { ...more, [field]: text }
      return field === 'content' ? { content: text } : { reasoning_content: text }
    },
    learn(data, body) {
      // What another chunk has said in between may be news again: only the last one that was read in full counts.
      frame = vain < VAIN_MAX ? frameOf(data, body) : undefined
      vain += 1
    },
  }
}

/** A string of JSON, and nothing else; undefined when it is none. */
function stringIn(json: string): string | undefined {
  if (json.charCodeAt(0) !== QUOTE || json.charCodeAt(json.length - 1) !== QUOTE) return undefined
  const value = parsed(json)
  return typeof value === 'string' ? value : undefined
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // More than the text differs: the chunk is read in full.
    return undefined
  }
}

const QUOTE = 34
const BACKSLASH = 92

function frameOf(data: string, body: unknown): Frame | undefined {
  const delta = onlyDelta(body)
  const field = delta && FIELDS.find(name => typeof delta[name] === 'string' && delta[name] !== '')
  if (field === undefined || delta === undefined) return undefined
  const name = `"${field}":`
  const at = data.indexOf(name)
  if (at < 0 || data.includes(name, at + 1)) return undefined
  const start = data.indexOf('"', at + name.length)
  const end = endOfString(data, start)
  const head = data.slice(0, start)
  const tail = data.slice(end)
  // A name may stand in other places, and twice in one: what is put there must come out.
  const probed = end < 0 ? undefined : onlyDelta(parsed(`${head}${JSON.stringify(PROBE)}${tail}`))
  if (probed?.[field] !== PROBE) return undefined
  const says = Object.keys(delta).some(name => name !== field && name !== 'role' && delta[name] !== null)
  return { head: ownText(head), tail: ownText(tail), field, more: says ? delta : undefined }
}

/** The same text without the piece of the stream that it was cut from: a slice keeps the whole of it in memory. */
function ownText(slice: string): string {
  return Buffer.from(slice).toString()
}

/** The place behind the closing quote of a string that begins there; -1 when there is none. */
function endOfString(data: string, start: number): number {
  for (let at = start + 1; start >= 0 && at < data.length; at += 1) {
    const unit = data.charCodeAt(at)
    if (unit === QUOTE) return at + 1
    if (unit === BACKSLASH) at += 1
  }
  return -1
}

/** The delta of a chunk that says nothing else that would not be the same the second time; undefined for any other chunk. */
function onlyDelta(body: unknown): RawDelta | undefined {
  const chunk = foreign<'choices' | 'usage' | 'x_groq' | 'web_search' | 'id'>(body)
  const choice = foreign<'delta' | 'finish_reason' | 'usage' | 'error'>(foreignList(chunk?.choices)[0])
  const rest = [chunk?.usage, chunk?.x_groq, chunk?.web_search, choice?.usage, choice?.error]
  if (rest.some(value => value !== undefined && value !== null)) return undefined
  if (choice?.finish_reason !== undefined && choice.finish_reason !== null && choice.finish_reason !== '')
    return undefined
  const delta = foreign<string>(choice?.delta)
  if (delta === undefined) return undefined
  const isPlain = Object.entries(delta).every(([, value]) => value === null || typeof value === 'string')
  return isPlain ? delta : undefined
}
