// Holds models to JSON and to a schema on hosts that cannot be told one: it is asked for in words, and checked here.
import { create, type JsonObject, type JsonValue } from '@bufbuild/protobuf'
import { FinishReason, type Message, ResponseFormatSchema, Role } from '#gen/exai/v1/chat_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { Delta, Deltas, TokenCounts } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { AttemptInput } from '../core/provider.ts'
import { type Ask, addCounts, asRepair } from './ask.ts'
import { hasObjectRoot, valueProblem } from './json-schema.ts'
import type { Dialect } from './openai-dialect/dialect.ts'
import { unsupported } from './openai-dialect/notes.ts'
import { messageOf, textPart } from './parts.ts'

const FIELD = 'response_format'
/** How much of a wrong answer is shown to the model again, in characters. */
const WRONG_CHARS_MAX = 32_768

/** What of a dialect counts here. */
type Forms = Pick<Dialect, 'responseForms' | 'schemaFits'>

/** What an answer must be. */
interface Wanted {
  readonly name: string
  readonly description: string
  /** Absent: any JSON value. */
  readonly schema?: JsonObject
}

/**
 * Asks with the wanted form in the system message, keeps the text back until it is right, and once lets the model mend it.
 * Throws UPSTREAM_BROKEN when it still is not, and under `strict` UNSUPPORTED before anything is asked.
 * What the host has itself is left to it. Counts are those of both requests.
 */
export function withEmulatedSchema(ask: Ask, host: Forms): Ask {
  return async function* askForJson(input): Deltas {
    const wanted = wantedBy(input.request, host)
    if (wanted === undefined) {
      yield* ask(input)
      return
    }
    const { provider } = input.model
    const message = `${provider} has no such mode: it is asked for in words, and the answer is checked here`
    if (input.request.strict) throw unsupported(input, FIELD, message)
    input.warn({ reason: Warning_Reason.SCHEMA_EMULATED, field: FIELD, message })

    const asked = inWords(input, wanted, host)
    const first = createHolder()
    for await (const batch of ask(asked)) yield* first.take(batch)
    const fault = first.faultOf(wanted)
    if (fault === undefined) {
      yield first.end()
      return
    }
    const second = createHolder({ before: first.counts() })
    const mending = { ...asked, messages: [...asked.messages, ...mend(first.text(), fault)], warn: () => {} }
    for await (const batch of ask(mending)) yield* second.take(batch)
    const still = second.faultOf(wanted)
    if (still !== undefined) throw unmended(input, still)
    yield second.end()
  }
}

/** Whether a host with these forms is asked in words, and perhaps twice. */
export const isAskedInWords = (request: Formed, host: Forms): boolean => wantedBy(request, host) !== undefined

type Formed = Pick<AttemptInput['request'], 'responseFormat'>

function wantedBy({ responseFormat }: Formed, { responseForms, schemaFits }: Forms): Wanted | undefined {
  const format = responseFormat?.format
  if (format?.case === 'json' && !responseForms.includes('json_object')) return { name: '', description: '' }
  if (format?.case !== 'jsonSchema') return undefined
  const { name, description, schema = {} } = format.value
  if (responseForms.includes('json_schema') && schemaFits?.(schema) !== false) return undefined
  return { name, description, schema }
}

/** The same request, which asks for the form in its first system message. */
function inWords(input: AttemptInput, wanted: Wanted, { responseForms }: Forms): AttemptInput {
  const { responseFormat: _, ...plain } = input.request
  const json = create(ResponseFormatSchema, { format: { case: 'json', value: {} } })
  // That mode makes objects only.
  const hasMode =
    responseForms.includes('json_object') && wanted.schema !== undefined && hasObjectRoot(wanted.schema)
  const request = hasMode ? { ...plain, responseFormat: json } : plain
  const words = textPart(wordsFor(wanted))
  const [head, ...rest] = input.messages
  // Hosts differ in how many system messages they take: none is added where there is one.
  const messages =
    head?.role === Role.SYSTEM
      ? [messageOf(Role.SYSTEM, [...head.content, words]), ...rest]
      : [messageOf(Role.SYSTEM, [words]), ...input.messages]
  return { ...input, request, messages }
}

function wordsFor({ name, description, schema }: Wanted): string {
  const rule = 'Answer with one JSON value and nothing else: no explanation, no code fence.'
  if (schema === undefined) return rule
  const about = [name, description].filter(text => text !== '').join(': ')
  return `${rule} It must follow this JSON Schema${about === '' ? '' : ` (${about})`}:\n${JSON.stringify(schema)}`
}

function mend(text: string, fault: string): readonly Message[] {
  const shown = text.slice(0, WRONG_CHARS_MAX).toWellFormed()
  return [
    ...(shown.trim() === '' ? [] : [messageOf(Role.ASSISTANT, [textPart(shown)])]),
    messageOf(Role.USER, [
      textPart(`That is not what was asked for: ${fault}. Answer again, with the corrected JSON value only.`),
    ]),
  ]
}

/** Lets thoughts and notes through, and holds back what may turn out to be wrong: the text and the finish. */
function createHolder(mended?: { readonly before: TokenCounts | undefined }) {
  let text = ''
  let called = false
  let counts: TokenCounts | undefined
  let finish: Delta | undefined

  function passes(delta: Delta): readonly Delta[] {
    // A turn that calls tools is not the answer yet, and keeps its order.
    if (delta.type === 'text' && called) return [delta]
    if (delta.type === 'text') text += delta.text
    else if (delta.type === 'finish') finish = delta
    else if (delta.type === 'tool_call_start' && !called) {
      called = true
      const before = text
      text = ''
      return before === '' ? [delta] : [{ type: 'text', text: before }, delta]
    } else if (delta.type === 'usage') {
      counts = mended === undefined ? delta.counts : asRepair(delta.counts)
      const all = addCounts(mended?.before, counts)
      return all === undefined ? [] : [{ type: 'usage', counts: all }]
    } else return [delta]
    return []
  }

  return {
    *take(batch: readonly Delta[]): Generator<readonly Delta[]> {
      const out = batch.flatMap(passes)
      if (out.length > 0) yield out
    },
    /** What is wrong with the text; undefined when nothing is, or when the model has not come to answering. */
    faultOf({ schema }: Wanted): string | undefined {
      if (called || finish?.type !== 'finish' || finish.reason !== FinishReason.STOP) return undefined
      const value = parsed(unfenced(text))
      if (value === undefined) return 'it is no JSON'
      return schema === undefined ? undefined : valueProblem(schema, value)
    },
    text: () => text,
    counts: () => addCounts(mended?.before, counts),
    end(): readonly Delta[] {
      const whole = unfenced(text)
      const said: readonly Delta[] = whole === '' ? [] : [{ type: 'text', text: whole }]
      return finish === undefined ? said : [...said, finish]
    },
  }
}

/** The text without the code fence around it that models are fond of. */
export function unfenced(text: string): string {
  const trimmed = text.trim()
  return /^```[a-z]*\s*\n([\s\S]*?)\n?\s*```$/i.exec(trimmed)?.[1]?.trim() ?? trimmed
}

function parsed(text: string): JsonValue | undefined {
  try {
    // The parse boundary: whatever JSON.parse returns is a JSON value.
    return JSON.parse(text) as JsonValue
  } catch {
    // What the model wrote is no JSON: the caller of this says so.
    return undefined
  }
}

function unmended({ model }: AttemptInput, fault: string): GatewayError {
  const { provider, id } = model
  const what = `${provider} did not keep to ${FIELD}: ${fault.slice(0, 300)}`
  return new GatewayError('UPSTREAM_BROKEN', what, { provider, model: id, against: 'nobody' })
}
