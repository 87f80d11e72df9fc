// Checks that tool calls are put together from pieces that other gateways mix up.
import { describe, expect, it } from 'vitest'
import type { Delta } from '../../../../src/core/delta.ts'
import { createToolCallReader } from '../../../../src/providers/openai-dialect/tool-calls.ts'
import { countedIds } from '../attempt.ts'

/** The calls as `id name arguments`, from chunks of pieces. */
function read(...chunks: readonly (readonly unknown[])[]): readonly string[] {
  const reader = createToolCallReader(countedIds().newCallId)
  const out: Delta[] = []
  for (const pieces of chunks) reader.take(pieces, out)
  expect(reader.end(out)).toBe(true)
  const starts = out.flatMap(delta => (delta.type === 'tool_call_start' ? [delta] : []))
  const ends = out.flatMap(delta => (delta.type === 'tool_call_end' ? [delta.callId] : []))
  expect(ends).toEqual(starts.map(({ callId }) => callId))
  return starts.map(({ callId, name }) => {
    const args = out.map(delta =>
      delta.type === 'tool_call_arguments' && delta.callId === callId ? delta.text : '',
    )
    return `${callId} ${name} ${args.join('')}`
  })
}

interface Shape {
  readonly index?: number
  readonly id?: string
  readonly name?: string
  readonly args?: unknown
}
const piece = ({ index, id, name, args }: Shape) => ({
  ...(index !== undefined && { index }),
  ...(id !== undefined && { id }),
  type: 'function',
  function: { ...(name !== undefined && { name }), ...(args !== undefined && { arguments: args }) },
})

describe('a tool call', () => {
  it('keeps a good id of its provider', () => {
    expect(read([piece({ index: 0, id: 'call_abc', name: 'f', args: '{}' })])).toEqual(['call_abc f {}'])
  })

  it.each([
    ['missing', undefined],
    ['too long', 'x'.repeat(65)],
    ['of other characters', 'functions.f:0'],
    ['empty', ''],
  ])('gets an id of ours when its own is %s', (_, id) => {
    expect(read([piece({ index: 0, ...(id !== undefined && { id }), name: 'f', args: '{}' })])).toEqual([
      'call_1 f {}',
    ])
  })

  it('gets an id of ours when another call has its id', () => {
    const calls = read(
      [piece({ index: 0, id: 'a', name: 'f', args: '{}' })],
      [piece({ index: 1, id: 'a', name: 'g', args: '{}' })],
    )
    expect(calls).toEqual(['a f {}', 'call_1 g {}'])
  })

  it('may come whole, with its arguments as an object', () => {
    expect(read([piece({ index: 0, id: 'a', name: 'f', args: { city: 'Paris' } })])).toEqual([
      'a f {"city":"Paris"}',
    ])
  })

  it('without arguments has an empty object', () => {
    expect(read([piece({ index: 0, id: 'a', name: 'f', args: '' })])).toEqual(['a f {}'])
    expect(read([piece({ index: 0, id: 'a', name: 'f' })])).toEqual(['a f {}'])
  })

  it('keeps arguments that are no JSON as the model wrote them', () => {
    expect(read([piece({ index: 0, id: 'a', name: 'f', args: '{"city": P' })])).toEqual(['a f {"city": P'])
  })

  it('may repeat its name and id in every piece', () => {
    const calls = read(
      [piece({ index: 0, id: 'a', name: 'f', args: '{"x"' })],
      [piece({ index: 0, id: 'a', name: 'f', args: ':1}' })],
    )
    expect(calls).toEqual(['a f {"x":1}'])
  })

  it('may come without any index', () => {
    const calls = read([piece({ id: 'a', name: 'f', args: '{"x"' })], [piece({ args: ':1}' })])
    expect(calls).toEqual(['a f {"x":1}'])
  })

  it('may repeat its name without index and id', () => {
    const calls = read([piece({ name: 'f', args: '{"x"' })], [piece({ name: 'f', args: ':1}' })])
    expect(calls).toEqual(['call_1 f {"x":1}'])
  })

  it('may get its name after its first piece', () => {
    const calls = read(
      [piece({ index: 0, id: 'a', args: '{"x"' })],
      [piece({ index: 0, name: 'f', args: ':1}' })],
    )
    expect(calls).toEqual(['a f {"x":1}'])
  })
})

describe('several tool calls', () => {
  it('may come interleaved', () => {
    const calls = read(
      [piece({ index: 0, id: 'a', name: 'f' }), piece({ index: 1, id: 'b', name: 'g' })],
      [piece({ index: 1, args: '{"y":' })],
      [piece({ index: 0, args: '{"x":1}' })],
      [piece({ index: 1, args: '2}' })],
    )
    expect(calls).toEqual(['a f {"x":1}', 'b g {"y":2}'])
  })

  it('are told apart by a new id at the same index', () => {
    const calls = read(
      [piece({ index: 0, id: 'a', name: 'f', args: '{"x":1}' })],
      [piece({ index: 0, id: 'b', name: 'f', args: '{"x":' })],
      [piece({ index: 0, args: '2}' })],
    )
    expect(calls).toEqual(['a f {"x":1}', 'b f {"x":2}'])
  })

  it('are told apart by their names when index and id are missing', () => {
    const calls = read([piece({ name: 'f', args: '{"x":1}' }), piece({ name: 'g', args: '' })])
    expect(calls).toEqual(['call_1 f {"x":1}', 'call_2 g {}'])
  })

  it('of one name are told apart when they come whole without index and id', () => {
    const together = read([piece({ name: 'f', args: '{"x":1}' }), piece({ name: 'f', args: '{"x":2}' })])
    expect(together).toEqual(['call_1 f {"x":1}', 'call_2 f {"x":2}'])
    const apart = read([piece({ name: 'f', args: '{"x":1}' })], [piece({ name: 'f', args: '{"x":2}' })])
    expect(apart).toEqual(['call_1 f {"x":1}', 'call_2 f {"x":2}'])
  })

  it('are told apart by id when all have the index 0', () => {
    const calls = read([
      piece({ index: 0, id: 'a', name: 'f', args: '{"x":1}' }),
      piece({ index: 0, id: 'b', name: 'f', args: '{"x":2}' }),
    ])
    expect(calls).toEqual(['a f {"x":1}', 'b f {"x":2}'])
  })

  it('go on by index when the id of every piece is new', () => {
    const calls = read(
      [piece({ index: 0, id: 'a', name: 'f', args: '{"x"' })],
      [piece({ index: 0, id: 'zz', args: ':1}' })],
    )
    expect(calls).toEqual(['a f {"x":1}'])
  })
})

describe('junk among the pieces', () => {
  it('is passed over', () => {
    expect(
      read([null, 7, {}, { function: null }, piece({ index: 0, id: 'a', name: 'f', args: '{}' })]),
    ).toEqual(['a f {}'])
  })
})
