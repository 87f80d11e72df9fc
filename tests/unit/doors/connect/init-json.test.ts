// What is written right from what a message is made of is what the codec of all messages writes, or nothing.
import { create, type DescField, type DescMessage, ScalarType, toJsonString } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { FinishReason, Role } from '#gen/exai/v1/chat_pb'
import {
  CompleteResponseSchema,
  ListModelsResponseSchema,
  StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import { RouteAttempt_Outcome } from '#gen/exai/v1/route_pb'
import { initWriter } from '../../../../src/doors/connect/own/init-json.ts'

const ROUNDS = 3_000
const DEPTH_MAX = 5
const TEXTS = ['', 'a', 'äöü €', '"\\\n\u0001', '\ud800', '__proto__', '\u2028 / <b>']
const NUMBERS = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 17]
const BIGINTS = [0n, 1n, -1n, 2n ** 63n - 1n, 12_345n]
const DURATIONS = [
  {},
  { seconds: 1n },
  { seconds: 3n, nanos: 5_000_000 },
  { nanos: 1_000 },
  { nanos: 123_456_789 },
]
const STRANGE_DURATIONS = [
  { seconds: -1n },
  { nanos: -5 },
  { seconds: 2n ** 60n },
  { seconds: 1n, nanos: -1 },
]
const STRUCTS = [
  {},
  { a: 1, b: [null, true, { c: 'x' }], '2': -0.5, '1': 'first' },
  { deep: { deep: [[1e21]] } },
]

const STRANGE_STRUCTS = [{ odd: Number.NaN }, { odd: [Number.POSITIVE_INFINITY] }]

/** The same numbers each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return sides => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % sides
  }
}
type Dice = ReturnType<typeof dice>

function oneOf<T>(roll: Dice, values: readonly T[]): T {
  return values[roll(values.length)] as T
}

function valueFor(roll: Dice, field: DescField, depth: number): unknown {
  if (field.message !== undefined) {
    switch (field.message.typeName) {
      case 'google.protobuf.Duration':
        return oneOf(roll, roll(10) === 0 ? STRANGE_DURATIONS : DURATIONS)
      case 'google.protobuf.Struct':
        return oneOf<object>(roll, roll(10) === 0 ? STRANGE_STRUCTS : STRUCTS)
      case 'google.protobuf.Timestamp':
        return { seconds: 1n }
      default:
        return initOf(roll, field.message, depth + 1)
    }
  }
  if (field.enum !== undefined) return oneOf(roll, [...field.enum.values.map(({ number }) => number), 4_711])
  switch (field.scalar) {
    case ScalarType.STRING:
      return oneOf(roll, TEXTS)
    case ScalarType.BOOL:
      return roll(2) === 0
    case ScalarType.BYTES:
      return oneOf(roll, [new Uint8Array(), new Uint8Array([0, 255, 62]), Buffer.from('opaque')])
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return oneOf(roll, [0, 0.5, -0, 1e21])
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return oneOf(roll, BIGINTS)
    default:
      return oneOf(roll, NUMBERS)
  }
}

function initOf(roll: Dice, desc: DescMessage, depth = 0): Record<string, unknown> {
  const init: Record<string, unknown> = {}
  for (const member of desc.members) {
    if (roll(3) === 0 || depth > DEPTH_MAX) continue
    if (member.kind === 'oneof') {
      const field = oneOf(roll, member.fields)
      init[member.localName] = { case: field.localName, value: valueFor(roll, field, depth) }
    } else if (member.fieldKind === 'list') {
      init[member.localName] = Array.from({ length: roll(3) }, () => valueFor(roll, member, depth))
    } else if (member.fieldKind === 'map') init[member.localName] = {}
    else init[member.localName] = roll(8) === 0 ? undefined : valueFor(roll, member, depth)
  }
  return init
}

function byCodec(desc: DescMessage, init: Record<string, unknown>): string | undefined {
  try {
    return toJsonString(desc, create(desc, init))
  } catch {
    return undefined
  }
}

describe('the writer of answers as JSON', () => {
  test.each([CompleteResponseSchema, StreamEventSchema, ListModelsResponseSchema])(
    'writes what the codec writes, or leaves it to the codec: $typeName',
    desc => {
      const roll = dice(7)
      const write = initWriter<DescMessage>(desc)
      let written = 0
      for (let round = 0; round < ROUNDS; round += 1) {
        const init = initOf(roll, desc)
        const text = write(init)
        if (text === undefined) continue
        written += 1
        expect(text).toBe(byCodec(desc, init))
      }
      expect(written).toBeGreaterThan(ROUNDS / 20)
    },
  )

  test('writes an answer as chats give it', () => {
    const answer = {
      id: 'resp_1',
      provider: 'openai',
      model: 'm',
      message: { role: Role.ASSISTANT, content: [{ kind: { case: 'text', value: 'hello "you"' } }] },
      finishReason: FinishReason.STOP,
      usage: { inputTokens: 24, outputTokens: 20, provenance: 1 },
      cost: create(CompleteResponseSchema, { cost: { nanoUsd: 5n, known: true } }).cost,
      route: {
        requestedModel: 'm',
        attempts: [
          {
            provider: 'openai',
            outcome: RouteAttempt_Outcome.SUCCEEDED,
            duration: { seconds: 0n, nanos: 1_500_000 },
          },
        ],
        configVersion: 1,
      },
      warnings: [],
      conversationId: '',
      providerMetadata: { service_tier: 'default' },
    } as const
    const text = initWriter<DescMessage>(CompleteResponseSchema)(answer)
    expect(text).toBe(
      '{"id":"resp_1","model":"m","provider":"openai","message":{"role":"ROLE_ASSISTANT","content":[{"text":"hello \\"you\\""}]},' +
        '"finishReason":"FINISH_REASON_STOP","usage":{"inputTokens":24,"outputTokens":20,"provenance":"PROVENANCE_REPORTED"},' +
        '"cost":{"nanoUsd":"5","known":true},"route":{"requestedModel":"m","attempts":[{"provider":"openai",' +
        '"outcome":"OUTCOME_SUCCEEDED","duration":"0.001500s"}],"configVersion":1},"providerMetadata":{"service_tier":"default"}}',
    )
  })

  test.each([
    ['a message of another kind', { usage: { $typeName: 'exai.v1.Cost', inputTokens: 1 } }],
    ['a text that is none', { id: 5 }],
    ['a number that is none', { usage: { inputTokens: 'x' } }],
    ['a list that is none', { warnings: {} }],
    ['nothing where a message may be', { usage: null }],
  ])('leaves what may be wrong to the codec: %s', (_, init) => {
    expect(initWriter<DescMessage>(CompleteResponseSchema)(init as never)).toBeUndefined()
  })
})
