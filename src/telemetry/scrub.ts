// Keeps secrets and what people wrote out of log lines: the one list of names, and the patterns of keys in texts.
import { GatewayError } from '../core/errors.ts'

/** Fields that open doors. Their values are never logged, whatever they are. */
const secretFields =
  'authorization proxyauthorization cookie setcookie key keys token accesstoken refreshtoken idtoken bearer jwt ' +
  'credential credentials passphrase'

/** Fields that hold what callers and models said. Only their numbers and booleans are logged. */
const contentFields =
  'prompt prompts message messages content contents text reasoning opaque answer reply completion choices delta ' +
  'deltas chunk arguments input output instructions body requestbody responsebody payload data bytes'

/** The endings of more fields that open doors, such as `OPENAI_API_KEY`, `x-api-key` and `jwtSecret`. */
const secretEndings = 'apikey apikeys secret secrets password pepper privatekey'

/** Names of fields whose values are never logged, at any depth. Letter case, dashes and underscores do not count. */
export const REDACTED_FIELDS = {
  secrets: secretFields.split(' '),
  secretEndings: secretEndings.split(' '),
  contents: contentFields.split(' '),
} as const satisfies Readonly<Record<string, readonly string[]>>

/** What stands where something was taken out. */
export const REDACTED = '[redacted]'

const depthMax = 6
const itemsMax = 50
const textLengthMax = 4096

const secretPatterns: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(Bearer|Basic)\s+[^\s"',;]{8,}/gi, `$1 ${REDACTED}`],
  // Whatever stands between :// and @ is a user and a password.
  [/:\/\/[^\s/@]+@/g, `://${REDACTED}@`],
  [
    /(?<![a-z])((?:api[-_]?key|access[-_]?token|token|secret|password|key)["']?\s*[=:]\s*["']?)[^\s"'&,;}]{6,}/gi,
    `$1${REDACTED}`,
  ],
  [/\b(?:sk|rk|pk|gsk|xai)[-_][\w-]{6,}/g, REDACTED],
  // Our own keys, but not our metrics' names, which have neither capitals nor digits.
  [/\bexai_(?=[a-z_-]*[A-Z\d])[\w-]{8,}/g, REDACTED],
  [/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, REDACTED],
  // Keys of GLM: an id and a secret with a dot between them.
  [/\b[\da-f]{32}\.[A-Za-z\d]{12,}\b/g, REDACTED],
]

// Texts that a pattern above could change; seven replacements cost ten times more than this look.
const suspicious = /[:=]|bearer|basic|(?:sk|rk|pk|gsk|xai)[-_]|exai_|eyJ|[\da-f]{32}\./i

// JSON escapes what is below U+0020. Of the rest, C1 controls command terminals, U+2028 and U+2029 begin lines, and marks of
// direction and what has no width make a text look like another one.
const deceptive = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/
const deceptiveAll = new RegExp(deceptive, 'g')

/**
 * Whether a text has nothing that `suspicious` or `deceptive` could find: one pass over its characters, which most texts of a
 * line need alone. All that the two look for has a mark of these: a blank, a colon, an equals sign, a dot, a dash or an
 * underscore after a k or an i, or what is no printable ASCII.
 */
function isPlain(text: string): boolean {
  let before = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code <= 0x20 || code >= 0x7f || code === 0x3a || code === 0x3d || code === 0x2e) return false
    // Lower case by one bit; nothing else has the codes of k and i then.
    const isEnd = before === 0x6b || before === 0x69
    if (isEnd && (code === 0x2d || code === 0x5f)) return false
    before = code | 0x20
  }
  return true
}

function escaped(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Field names are few, and judging one costs more than finding it here; past this many they are not remembered. */
const namesMax = 1000

/** Shorter ones are too common to look for. */
const secretLengthMin = 8
/** Most secrets that are looked for, unless more are in use at once: each is searched in each text. */
const secretsMax = 1000

/** Takes secrets out of values and texts. */
export interface Scrubber {
  /** A text without anything that looks like a key, cut after 4096 characters. */
  text(text: string): string
  /** Adds secrets to those that are known by their value. */
  hide(secrets: readonly string[]): void
  /** Whether what stands under this name may be written, once it has no secrets. */
  isHarmless(name: string): boolean
  /** A copy of a value that can be written as JSON: without secrets and without contents, limited in depth and length. */
  value(value: unknown): unknown
}

/** Makes a scrubber that also knows some secrets by their value; those under 8 characters are not looked for. */
export function createScrubber(secrets: readonly string[] = []): Scrubber {
  const known = new Set<string>()
  let longestFirst: readonly string[] = []
  const fields = new Map<string, Field>()
  hide(secrets)

  function hide(more: readonly string[]): void {
    for (const secret of more.filter(one => one.length >= secretLengthMin)) {
      known.delete(secret)
      known.add(secret)
    }
    // The oldest go first: what is still in use has just been told again.
    for (const secret of known) {
      if (known.size <= Math.max(secretsMax, more.length)) break
      known.delete(secret)
    }
    // Taking out one that begins another would leave the rest of that.
    longestFirst = [...known].sort((one, other) => other.length - one.length)
    // Names of fields are remembered as they were cleaned before.
    fields.clear()
  }

  function text(raw: string): string {
    let result = raw
    for (const secret of longestFirst)
      if (secret.length <= result.length) result = result.replaceAll(secret, REDACTED)
    if (result.length <= textLengthMax && isPlain(result)) return result
    if (result.length > textLengthMax) result = `${result.slice(0, textLengthMax)}…`
    if (suspicious.test(result))
      for (const [pattern, replacement] of secretPatterns) result = result.replace(pattern, replacement)
    return deceptive.test(result) ? result.replace(deceptiveAll, escaped) : result
  }

  function value(raw: unknown, depth = 0): unknown {
    switch (typeof raw) {
      case 'string':
        return text(raw)
      case 'bigint':
        return String(raw)
      case 'function':
      case 'symbol':
        return undefined
      case 'object':
        return raw === null ? null : object(raw, depth)
      default:
        return raw
    }
  }

  function object(raw: object, depth: number): unknown {
    if (raw instanceof Error) return error(raw, depth)
    if (raw instanceof Date) return Number.isNaN(raw.getTime()) ? null : raw.toISOString()
    if (raw instanceof URL) return text(`${raw.origin}${raw.pathname}`)
    if (ArrayBuffer.isView(raw) || raw instanceof ArrayBuffer) return `[${raw.byteLength} bytes]`
    if (depth >= depthMax) return '[deeper]'
    if (raw instanceof Set || Array.isArray(raw)) return list([...raw].slice(0, itemsMax), depth)
    return (raw instanceof Map ? undefined : record(raw, depth)) ?? entries(raw, depth)
  }

  /** A copy in which values are exchanged where they stand; undefined for what has too many fields, or odd names. */
  function record(raw: object, depth: number): unknown {
    const copy: Record<string, unknown> = { ...raw }
    const names = Object.keys(copy)
    if (names.length > itemsMax) return undefined
    for (const name of names) {
      const field = fieldOf(name)
      if (field.name !== name || name === '__proto__') return undefined
      const item = copy[name]
      const safe = isHidden(field, item) ? REDACTED : value(item, depth + 1)
      if (safe !== item) copy[name] = safe
    }
    return copy
  }

  function entries(raw: object, depth: number): unknown {
    const all: readonly (readonly [unknown, unknown])[] = raw instanceof Map ? [...raw] : Object.entries(raw)
    const copy: [string, unknown][] = []
    for (const [key, item] of all.slice(0, itemsMax)) {
      const field = fieldOf(String(key))
      copy.push([field.name, isHidden(field, item) ? REDACTED : value(item, depth + 1)])
    }
    return Object.fromEntries(copy)
  }

  function fieldOf(name: string): Field {
    const known = fields.get(name)
    if (known !== undefined) return known
    const field = judge(name, text(name))
    if (fields.size < namesMax) fields.set(name, field)
    return field
  }

  /** Headers come as lists, too, in which a value follows its name. */
  function list(raw: readonly unknown[], depth: number): unknown {
    return raw.map((item, index) => {
      const before = raw[index - 1]
      return typeof before === 'string' && judge(before, '').hides === 'all'
        ? REDACTED
        : value(item, depth + 1)
    })
  }

  /** Only what is named here: clients of all kinds hang requests and bodies on their errors. */
  function error(raw: Error, depth: number): unknown {
    const details: object = raw instanceof GatewayError ? raw.details : {}
    const facts = [
      ...factsOf(raw, ['code', 'reason', 'origin', 'status', 'syscall']),
      ...factsOf(details, ['provider', 'model', 'upstreamStatus', 'upstreamCode']),
    ].map(([name, fact]) => [name, value(fact)])
    return {
      type: raw.name,
      message: text(messageOf(raw)),
      ...Object.fromEntries(facts),
      stack: framesOf(raw).map(text),
      ...(raw.cause === undefined ? {} : { cause: depth >= depthMax ? '[deeper]' : cause(raw.cause, depth) }),
      ...(raw instanceof AggregateError && depth < depthMax
        ? { errors: raw.errors.slice(0, itemsMax).map(one => cause(one, depth)) }
        : {}),
    }
  }

  function cause(raw: unknown, depth: number): unknown {
    return value(raw, depth + 1)
  }

  function isHarmless(name: string): boolean {
    const field = fieldOf(name)
    return field.name === name && field.hides === 'nothing' && name !== '__proto__'
  }

  return { text, hide, isHarmless, value: raw => value(raw) }
}

function factsOf(from: object, names: readonly string[]): readonly (readonly [string, unknown])[] {
  const facts = names.map(name => [name, Reflect.get(from, name)] as const)
  return facts.filter(([, fact]) => typeof fact === 'string' || typeof fact === 'number')
}

/** A field's name as it may be written, and what of its values may not be. */
interface Field {
  readonly name: string
  readonly hides: 'nothing' | 'contents' | 'all'
}

function judge(raw: string, name: string): Field {
  const { secrets, secretEndings, contents } = REDACTED_FIELDS
  const plain = raw.toLowerCase().replace(/[-_\s]/g, '')
  if (secrets.includes(plain) || secretEndings.some(ending => plain.endsWith(ending)))
    return { name, hides: 'all' }
  return { name, hides: contents.includes(plain) ? 'contents' : 'nothing' }
}

function isHidden({ hides }: Field, value: unknown): boolean {
  // That there is nothing is worth knowing, and gives nothing away.
  if (hides === 'nothing' || value === undefined || value === null || value === '') return false
  return hides === 'all' || (typeof value !== 'number' && typeof value !== 'boolean')
}

/**
 * The message of an error without what it quotes. Node, V8 and the libraries put what they could not take into their
 * messages, and that may be a body. From a text to its last quotation mark: what is quoted may have such marks, too.
 */
function messageOf(error: Error): string {
  const { message } = error
  // Those of the other sides repeat what a caller asked for or a provider said.
  if (error instanceof GatewayError && error.origin === 'gateway') return message
  // JSON.parse, BigInt and RegExp quote in so many ways that only the place is safe.
  if (error instanceof SyntaxError || error.name === 'SyntaxError') {
    const place = /at position \d+(?: \(line \d+ column \d+\))?$|^Unexpected end of JSON input$/.exec(message)
    return place === null ? REDACTED : `${REDACTED} ${place[0]}`
  }
  return quotations.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), message)
}

const quotations: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Protobuf and connect-es, also around a SyntaxError; undici on header values.
  [/"[\s\S]*"/, REDACTED],
  // ERR_INVALID_ARG_TYPE and its like.
  [/\bReceived (?!undefined$|null$|an instance of \w+$)[\s\S]*/i, `Received ${REDACTED}`],
  // V8 on `in` and on a property of something that is no object.
  [/ operator to search for [\s\S]*/, ` operator to search for ${REDACTED}`],
  [/ on (string|number|bigint) '[\s\S]*'/, ` on $1 ${REDACTED}`],
]

/** Where it happened, without the message, of which a line may look like a frame. */
function framesOf({ stack = '', message }: Error): readonly string[] {
  return stack
    .replace(message, '')
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .slice(0, itemsMax)
    .map(line => line.trim())
}
