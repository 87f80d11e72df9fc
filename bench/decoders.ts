// `node bench/decoders.ts`: CPU for each event of every provider's stream decoder, beside plain JSON.parse of the same bytes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { glmDialect } from '../src/providers/glm.ts'
import { kimiDialect } from '../src/providers/kimi.ts'
import { miniMaxDialect } from '../src/providers/minimax.ts'
import { openAiDialect } from '../src/providers/openai.ts'
import type { Dialect, Upstream } from '../src/providers/openai-dialect/dialect.ts'
import { createChatStreamDecoder } from '../src/providers/openai-dialect/stream.ts'
import { createResponsesStreamDecoder } from '../src/providers/openai-responses/stream.ts'
import { describeMachine } from './machine.ts'
import { median } from './numbers.ts'
import { alignedTable, writeBetween } from './report.ts'

/** The streams that one decoder is measured with; all of them are answers without a failure. */
interface Decoder {
  readonly name: string
  readonly folder: string
  readonly streams: readonly string[]
  /** An event of text in the first stream, which can come again and again. */
  readonly text: RegExp
  /** Reads a whole stream that comes in these pieces; the number of deltas. */
  readonly decode: (pieces: readonly Uint8Array[]) => number
}

/** One line of the report; times are microseconds of CPU for an event. */
interface Row {
  readonly name: string
  readonly events: number
  readonly decoder: readonly number[]
  readonly parse: readonly number[]
}

/** How often an event of text is repeated, to see what one costs without the beginning and the end. */
const REPEATED = 200

const root = join(import.meta.dirname, '..')
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds ?? (options.smoke ? 1 : 5))
const roundMs = options.smoke ? 20 : 300

const chat = (name: string, folder: string, dialect: Dialect, streams: readonly string[]): Decoder => ({
  name,
  folder,
  streams,
  text: /"content":\s*"[^"]/,
  decode: pieces => decodeWith(createChatStreamDecoder(upstreamOf(folder, dialect), { newCallId }), pieces),
})

const decoders: readonly Decoder[] = [
  chat('openai, chat completions', 'openai', openAiDialect, ['text', 'tools']),
  {
    name: 'openai, responses',
    folder: 'openai-responses',
    streams: ['text', 'tools'],
    text: /response\.output_text\.delta/,
    decode: pieces =>
      decodeWith(createResponsesStreamDecoder(upstreamOf('openai', openAiDialect), { newCallId }), pieces),
  },
  chat('glm', 'glm', glmDialect('search_pro_jina'), ['text', 'tools']),
  chat('kimi', 'kimi', kimiDialect, ['usage-in-choice', 'tools']),
  chat('minimax', 'minimax', miniMaxDialect, ['details', 'cumulative']),
]

let calls = 0
function newCallId(): string {
  calls += 1
  return `call_${calls}`
}

function upstreamOf(provider: string, dialect: Dialect): Upstream {
  return { provider, model: 'a-model', dialect, redact: text => text }
}

interface StreamDecoder {
  push(chunk: Uint8Array): readonly unknown[]
  end(): readonly unknown[]
}

function decodeWith(decoder: StreamDecoder, pieces: readonly Uint8Array[]): number {
  let deltas = 0
  for (const piece of pieces) deltas += decoder.push(piece).length
  return deltas + decoder.end().length
}

/** A recorded stream as it comes: one piece for each event, with its blank line. */
function piecesOf({ folder }: Decoder, stream: string): readonly Buffer[] {
  const text = readFileSync(join(root, 'tests/fixtures/providers', folder, `${stream}.sse`), 'utf8')
  return (text.replaceAll('\r\n', '\n').match(/[\s\S]+?\n\n|[\s\S]+$/g) ?? []).map(piece =>
    Buffer.from(piece),
  )
}

/** The JSON inside of a piece; empty when it has none. */
function jsonBytesOf(piece: Buffer): Buffer {
  const lines = piece
    .toString('utf8')
    .split('\n')
    .filter(line => line.startsWith('data:'))
  const data = lines.map(line => line.slice('data:'.length).trim()).join('\n')
  return Buffer.from(data === '[DONE]' ? '' : data)
}

/** Microseconds of CPU that one call of the work takes, measured for a round. */
function microsOf(work: () => void): number {
  const until = performance.now() + roundMs
  const before = process.cpuUsage()
  let times = 0
  do {
    for (let count = 0; count < 50; count += 1) work()
    times += 50
  } while (performance.now() < until)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

/** The first stream, with a piece of its text many times more: what an event costs where a stream is long. */
function longOf(decoder: Decoder): readonly Buffer[] {
  const pieces = piecesOf(decoder, decoder.streams[0] ?? '')
  const at = pieces.findIndex(piece => decoder.text.test(piece.toString('utf8')))
  const piece = pieces[at]
  if (piece === undefined) throw new Error(`${decoder.name} has no text in its first stream`)
  return [...pieces.slice(0, at), ...Array.from({ length: REPEATED }, () => piece), ...pieces.slice(at)]
}

function measure(decoder: Decoder, name: string, streams: readonly (readonly Buffer[])[]): Row {
  const bodies = streams
    .flat()
    .map(jsonBytesOf)
    .filter(bytes => bytes.length > 0)
  const events = bodies.length
  let deltas = 0
  const decode = (): void => {
    for (const pieces of streams) deltas += decoder.decode(pieces)
  }
  const parse = (): void => {
    for (const bytes of bodies) if (JSON.parse(bytes.toString('utf8')) === undefined) deltas += 1
  }
  // Warm, and sure that something is decoded.
  microsOf(decode)
  microsOf(parse)
  if (deltas === 0) throw new Error(`${decoder.name} decoded nothing`)
  const samples = Array.from({ length: rounds }, () => ({
    decoder: microsOf(decode) / events,
    parse: microsOf(parse) / events,
  }))
  return {
    name,
    events,
    decoder: samples.map(sample => sample.decoder),
    parse: samples.map(sample => sample.parse),
  }
}

function tableOf(rows: readonly Row[]): string {
  const spread = (values: readonly number[]): string =>
    `${Math.min(...values).toFixed(2)} – ${Math.max(...values).toFixed(2)}`
  return alignedTable([
    ['decoder', 'events', 'decoder µs', 'min – max', 'JSON.parse µs', 'min – max', 'ratio'],
    ...rows.map(({ name, events, decoder, parse }) => [
      name,
      String(events),
      median(decoder).toFixed(2),
      spread(decoder),
      median(parse).toFixed(2),
      spread(parse),
      (median(decoder) / median(parse)).toFixed(2),
    ]),
  ])
}

const machine = describeMachine()
const rows = decoders.flatMap(decoder => [
  measure(
    decoder,
    `${decoder.name}, as recorded`,
    decoder.streams.map(stream => piecesOf(decoder, stream)),
  ),
  measure(decoder, `${decoder.name}, ${REPEATED} events of text more`, [longOf(decoder)]),
])
if (options.json) console.log(JSON.stringify(rows))
else {
  const text = [
    `${new Date().toISOString().slice(0, 10)}, \`node bench/decoders.ts\`: ${rounds} rounds of ${roundMs} ms each. ${machine}.`,
    '',
    tableOf(rows),
  ].join('\n')
  console.log(text)
  if (!options.smoke) writeBetween(join(root, 'docs/benchmarks.md'), 'decoders', text)
}
