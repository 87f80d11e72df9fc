// Puts an answer into the named events of a Responses stream, numbered from 0 and without a [DONE].
import { type Answer, wordsOf } from './answer.ts'
import { inPieces } from './openai-reply.ts'
import { type ResponseEnvelope, responseJson } from './responses-reply.ts'
import { statusOf } from './responses-status.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'

type Event = { readonly type: string } & JsonObject

const OBFUSCATION = { obfuscation: 'xxxxxxxx' }

/** The frames of the stream. A failure breaks the items off half-way; an answer without finish reason has no end. */
export function responseFrames(
  answer: Answer,
  output: readonly JsonObject[],
  envelope: ResponseEnvelope,
): readonly string[] {
  const { status } = statusOf(answer)
  const running = responseJson(answer, [], envelope, true)
  const body = itemEvents(answer, output)
  const events: readonly Event[] = [
    { type: 'response.created', response: running },
    { type: 'response.in_progress', response: running },
    ...(status === 'failed' ? body.slice(0, body.length >> 1) : body),
    ...(status === 'in_progress'
      ? []
      : [{ type: `response.${status}`, response: responseJson(answer, output, envelope) }]),
  ]
  return events.map((event, index) => frameOf(event, index))
}

/** The `error` event that breaks a stream, from the JSON text of an error answer. */
export function errorFrame(errorJson: string, eventsBefore: number): string {
  // Our own error answer, as the table of errors made it.
  const parsed: unknown = JSON.parse(errorJson)
  const { code, message, param } = objectOf(objectOf(parsed)['error'])
  return frameOf({ type: 'error', code: code ?? null, message, param: param ?? null }, eventsBefore)
}

const frameOf = ({ type, ...rest }: Event, sequenceNumber: number): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequenceNumber, ...rest })}\n\n`

/** The events of all items: one after another, or the calls side by side when the style interleaves them. */
function itemEvents(answer: Answer, output: readonly JsonObject[]): readonly Event[] {
  const lanes = output.map((item, index) => ({
    call: item['type'] === 'function_call',
    events: laneOf(item, index, answer),
  }))
  if (answer.style.toolCalls !== 'interleaved') return lanes.flatMap(lane => lane.events)
  const calls = lanes.filter(lane => lane.call).map(lane => lane.events)
  const longest = Math.max(0, ...calls.map(events => events.length))
  const mixed = Array.from({ length: longest }, (_, at) => calls.flatMap(events => events.slice(at, at + 1)))
  return [...lanes.filter(lane => !lane.call).flatMap(lane => lane.events), ...mixed.flat()]
}

function laneOf(item: JsonObject, index: number, answer: Answer): readonly Event[] {
  const place = { output_index: index }
  const added = (empty: JsonObject): Event => ({
    type: 'response.output_item.added',
    ...place,
    item: { ...item, ...empty },
  })
  const done: Event = { type: 'response.output_item.done', ...place, item }
  const at = { item_id: item['id'], ...place }
  switch (item['type']) {
    case 'reasoning':
      return [added({ summary: [] }), ...summaryEvents(item, at), done]
    case 'message': {
      const parts = listOf(item['content']).flatMap((part, content_index) =>
        partEvents(objectOf(part), { ...at, content_index }),
      )
      return [added({ status: 'in_progress', content: [] }), ...parts, done]
    }
    default: {
      const given = textOf(item['arguments'])
      const pieces = answer.style.toolCalls === 'whole' && given !== '' ? [given] : inPieces(given)
      const type = 'response.function_call_arguments'
      return [
        added({ status: 'in_progress', arguments: '' }),
        ...pieces.map(delta => ({ type: `${type}.delta`, ...at, delta, ...OBFUSCATION })),
        { type: `${type}.done`, ...at, arguments: given },
        done,
      ]
    }
  }
}

const summaryEvents = (item: JsonObject, at: JsonObject): readonly Event[] =>
  listOf(item['summary']).flatMap((part, summary_index): readonly Event[] => {
    const text = textOf(objectOf(part)['text'])
    const place = { ...at, summary_index }
    return [
      { type: 'response.reasoning_summary_part.added', ...place, part: { type: 'summary_text', text: '' } },
      ...wordsOf(text).map(delta => ({
        type: 'response.reasoning_summary_text.delta',
        ...place,
        delta,
        ...OBFUSCATION,
      })),
      { type: 'response.reasoning_summary_text.done', ...place, text },
      { type: 'response.reasoning_summary_part.done', ...place, part },
    ]
  })

function partEvents(part: JsonObject, place: JsonObject): readonly Event[] {
  const refused = part['type'] === 'refusal'
  const field = refused ? 'refusal' : 'text'
  const type = refused ? 'response.refusal' : 'response.output_text'
  const whole = textOf(part[field])
  return [
    { type: 'response.content_part.added', ...place, part: { ...part, [field]: '' } },
    ...wordsOf(whole).map(delta => ({ type: `${type}.delta`, ...place, delta, ...OBFUSCATION })),
    { type: `${type}.done`, ...place, [field]: whole },
    { type: 'response.content_part.done', ...place, part },
  ]
}
