// Spans as bytes: read by OTLP's schema they say the same as what OpenTelemetry's own serializer writes.
import { type Attributes, createTraceState } from '@opentelemetry/api'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { attributeKey, createOtlpWriter } from '../../../src/telemetry/otlp-writer.ts'
import { createSpanEncoder, type EndedSpan, SPAN_KINDS } from '../../../src/telemetry/span-encoder.ts'
import { createSpanIds } from '../../../src/telemetry/span-ids.ts'
import { readTraces } from '../../support/otlp-schema.ts'

const scope = { name: 'exai', version: '1.2.3-ü' }
const resource = { 'service.name': 'exaï '.repeat(60), 'service.version': '1.2.3' }

type Value = string | number | boolean
interface Facts extends Omit<EndedSpan, 'attributes'> {
  readonly pairs: readonly (readonly [name: string, value: Value, isKnown: boolean])[]
}

const plain: Facts = {
  name: 'one',
  kind: SPAN_KINDS.server,
  place: {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    isSampled: true,
    state: '',
  },
  parentId: '',
  isParentRemote: false,
  startMs: 1_800_000_000_000.25,
  endMs: 1_800_000_000_001.5,
  isError: false,
  pairs: [],
}

/** By our encoder. Names are made once, as the service does. */
function written(all: readonly Facts[], encoder = createSpanEncoder({ resource, scope })): Uint8Array {
  const keys = new Map<string, ReturnType<typeof attributeKey>>()
  const keyOf = (name: string) => {
    const key = keys.get(name) ?? attributeKey(name)
    keys.set(name, key)
    return key
  }
  for (const { pairs, ...span } of all) {
    encoder.add({
      ...span,
      attributes(to) {
        for (const [name, value, isKnown] of pairs) {
          if (typeof value === 'number') to.number(keyOf(name), value)
          else if (typeof value === 'boolean') to.flag(keyOf(name), value)
          else if (isKnown) to.known(keyOf(name), value)
          else to.text(keyOf(name), value)
        }
      },
    })
  }
  expect(encoder.count()).toBe(all.length)
  return encoder.take()
}

/** By OpenTelemetry's. */
function official(all: readonly Facts[]): Uint8Array {
  const from = resourceFromAttributes(resource)
  const spans = all.map((facts): ReadableSpan => {
    const { place, parentId, startMs, endMs } = facts
    const { traceId, spanId, isSampled, state } = place
    const traceFlags = isSampled ? 1 : 0
    const context = { traceId, spanId, traceFlags }
    const parent = { traceId, spanId: parentId, traceFlags, isRemote: facts.isParentRemote }
    return {
      name: facts.name,
      // The API counts kinds from 0, the protocol from 1.
      kind: facts.kind - 1,
      spanContext: () => (state === '' ? context : { ...context, traceState: createTraceState(state) }),
      ...(parentId === '' ? {} : { parentSpanContext: parent }),
      startTime: hrTime(startMs),
      endTime: hrTime(endMs),
      status: { code: facts.isError ? 2 : 0 },
      attributes: Object.fromEntries(facts.pairs.map(([name, value]) => [name, value])) satisfies Attributes,
      links: [],
      events: [],
      duration: [0, 0],
      ended: true,
      resource: from,
      instrumentationScope: scope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    }
  })
  const bytes = ProtobufTraceSerializer.serializeRequest(spans)
  if (bytes === undefined) throw new Error('the serializer wrote nothing')
  return bytes
}

function hrTime(ms: number): [number, number] {
  const seconds = Math.trunc(ms / 1000)
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)]
}

/** A generator with a seed (mulberry32): a run that fails can be repeated. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const values: readonly Value[] = [
  'text',
  '',
  'müßig 漢字 🙂',
  'x'.repeat(127),
  'x'.repeat(128),
  'x'.repeat(20_000),
  true,
  false,
  0,
  127,
  128,
  16_384,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  Number.MAX_SAFE_INTEGER,
  -1,
  -(2 ** 40),
  0.25,
  -0.5,
  1e300,
]

test.each(values)('an attribute can be %j', value => {
  const all = [
    {
      ...plain,
      pairs: [
        ['before', 'a', true],
        ['value', value, false],
        ['after', 1, false],
      ] as const,
    },
  ]
  expect(readTraces(written(all))).toEqual(readTraces(official(all)))
})

test('any spans are written as OpenTelemetry writes them', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const next = seeded(seed)
    const some = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] ?? (of[0] as T)
    const ids = createSpanIds()
    const all = Array.from({ length: Math.floor(next() * 6) + 1 }, (): Facts => {
      const startMs = 1_700_000_000_000 + next() * 4e11
      const isRoot = next() < 0.3
      return {
        name: some(['exai.v1.ChatService/Complete', 'chat größe', '']),
        kind: some([SPAN_KINDS.server, SPAN_KINDS.client]),
        place: {
          traceId: ids.traceId(),
          spanId: ids.spanId(),
          isSampled: next() < 0.8,
          state: some(['', 'vendor=one', 'a=1,b=2']),
        },
        parentId: isRoot ? '' : ids.spanId(),
        isParentRemote: !isRoot && next() < 0.5,
        startMs,
        endMs: startMs + next() * 1e5,
        isError: next() < 0.3,
        // One name only once: the serializer is given an object.
        pairs: Array.from({ length: Math.floor(next() * 12) }, (_, at) => [
          `key.${at}`,
          some(values),
          next() < 0.5,
        ]),
      }
    })
    expect(readTraces(written(all)), `seed ${seed}`).toEqual(readTraces(official(all)))
  }
})

describe('the encoder', () => {
  test('begins anew when its spans are taken, and remembers the texts that it knows', () => {
    const encoder = createSpanEncoder({ resource, scope })
    const key = attributeKey('door')
    const one = {
      ...plain,
      attributes: (to: Parameters<EndedSpan['attributes']>[0]) => to.known(key, 'grpc'),
    }
    encoder.add(one)
    const first = readTraces(encoder.take())
    expect(encoder.count()).toBe(0)
    encoder.add(one)
    encoder.add(one)
    expect(JSON.stringify(readTraces(encoder.take()), texts).match(/"grpc"/g)).toHaveLength(2)
    encoder.add(one)
    expect(readTraces(encoder.take())).toEqual(first)
  })

  test('gives bytes that are not written over by what comes after', () => {
    const encoder = createSpanEncoder({ resource, scope })
    const taken = written([plain], encoder)
    const before = Buffer.from(taken)
    written([{ ...plain, name: 'two' }], encoder)
    expect(Buffer.compare(before, taken)).toBe(0)
  })

  test('makes no span shorter than nothing when a clock was set back', () => {
    const all = [{ ...plain, endMs: plain.startMs - 5 }]
    expect(readTraces(written(all))).toEqual(readTraces(official([{ ...plain, endMs: plain.startMs }])))
  })
})

test('a text is remembered at most a thousand times for one name, and never a long one', () => {
  const key = attributeKey('tenant')
  const to = createOtlpWriter(64, 0x4a)
  to.known(key, 'x'.repeat(201))
  expect(key.known.size).toBe(0)
  for (let at = 0; at < 1_100; at += 1) to.known(key, `tenant-${at}`)
  expect(key.known.size).toBe(1_000)
})

test('ids are hexadecimal digits, and none comes twice', () => {
  const ids = createSpanIds()
  const all = Array.from({ length: 2_000 }, () => [ids.traceId(), ids.spanId()]).flat()
  expect(new Set(all).size).toBe(4_000)
  for (const [at, id] of all.entries()) expect(id).toMatch(at % 2 === 0 ? /^[\da-f]{32}$/ : /^[\da-f]{16}$/)
})

function texts(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
