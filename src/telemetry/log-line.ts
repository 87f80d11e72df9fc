// Writes the lines of calls in one go: texts, numbers and booleans need no copy without secrets, and no walk over that copy.
import type { LogFields } from '../core/log.ts'
import type { Scrubber } from './scrub.ts'

/** Writes lines. */
export interface LineWriter {
  /**
   * A line with its newline, the same that pino would make of what a scrubber leaves of these fields. `head` is what stands
   * before the time, `bindings` what stands behind it. Undefined: the fields are not that plain.
   */
  line(parts: LineParts): string | undefined
  /** To be called when more secrets are known: texts that were clean may not be so any more. */
  forget(): void
}

/** What a line is made of. */
export interface LineParts {
  /** Such as `{"level":"info"`. */
  readonly head: string
  /** Such as `,"service":"exai"`; may be empty. */
  readonly bindings: string
  readonly fields: LogFields
  /** Stands behind the fields unless they have it. */
  readonly channel: string
  readonly message: string
}

/** More fields than this are cut by the scrubber. */
const FIELDS_MAX = 50
/** Names that are remembered. */
const NAMES_MAX = 1_000
/** Values of one field that are remembered; one that has more, such as an id, has no two alike. */
const VALUES_MAX = 200
const VALUE_LENGTH_MAX = 200

/** A field whose values may be written. */
interface Field {
  /** Such as `,"door":`. */
  readonly head: string
  /** Texts as JSON, without secrets. Undefined: there were too many. */
  known: Map<string, string> | undefined
}

/** Makes it. */
export function createLineWriter(scrubber: Pick<Scrubber, 'text' | 'isHarmless'>): LineWriter {
  const fieldsKnown = new Map<string, Field | undefined>()
  const clock = createIsoClock()

  function fieldOf(name: string): Field | undefined {
    const found = fieldsKnown.get(name)
    if (found !== undefined || fieldsKnown.has(name)) return found
    const field = scrubber.isHarmless(name)
      ? { head: `,${JSON.stringify(name)}:`, known: new Map<string, string>() }
      : undefined
    if (fieldsKnown.size < NAMES_MAX) fieldsKnown.set(name, field)
    return field
  }

  function quoted(field: Field, text: string): string {
    const { known } = field
    const found = known?.get(text)
    if (found !== undefined) return found
    const json = JSON.stringify(scrubber.text(text))
    if (known === undefined || text.length > VALUE_LENGTH_MAX) return json
    if (known.size < VALUES_MAX) known.set(text, json)
    else field.known = undefined
    return json
  }

  function jsonOf(field: Field, value: unknown): string | undefined {
    switch (typeof value) {
      case 'string':
        return quoted(field, value)
      case 'number':
        return Number.isFinite(value) ? `${value}` : 'null'
      case 'boolean':
        return value ? 'true' : 'false'
      case 'bigint':
        return `"${value}"`
      default:
        return value === null ? 'null' : undefined
    }
  }

  return {
    line({ head, bindings, fields, channel, message }) {
      if (Object.getPrototypeOf(fields) !== Object.prototype) return undefined
      const names = Object.keys(fields)
      if (names.length > FIELDS_MAX) return undefined
      let text = `${head},"time":"${clock(Date.now())}"${bindings}`
      let hasChannel = false
      for (const name of names) {
        const value = fields[name]
        if (name === 'channel') hasChannel = true
        const given = name === 'channel' ? channel : value
        if (given === undefined) continue
        const field = fieldOf(name)
        const json = field === undefined ? undefined : jsonOf(field, given)
        if (field === undefined || json === undefined) return undefined
        text += field.head + json
      }
      if (!hasChannel) text += `,"channel":"${channel}"`
      const msg = fieldOf('msg')
      return msg === undefined ? undefined : `${text}${msg.head}${quoted(msg, message)}}\n`
    },
    forget: () => fieldsKnown.clear(),
  }
}

/** Tells instants in ISO 8601; of those in one second, only the milliseconds are written anew. */
export function createIsoClock(): (nowMs: number) => string {
  let second = Number.NaN
  let text = ''
  return nowMs => {
    const now = Math.floor(nowMs / 1_000)
    if (now !== second) {
      second = now
      text = new Date(now * 1_000).toISOString().slice(0, -'000Z'.length)
    }
    const millis = Math.floor(nowMs - now * 1_000)
    return `${text}${millis < 10 ? '00' : millis < 100 ? '0' : ''}${millis}Z`
  }
}
