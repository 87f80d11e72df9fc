// Streams that come in batches: read one by one or batch by batch, and let go of in the middle.
import { describe, expect, it } from 'vitest'
import { batched, batchesOf } from '../../../src/core/batched.ts'

/** A source of batches that remembers how it ended. */
function createSource(batches: readonly (readonly string[])[], fault?: Error) {
  let ended = 0
  async function* play(): AsyncGenerator<readonly string[]> {
    try {
      yield* batches
      if (fault !== undefined) throw fault
    } finally {
      ended += 1
    }
  }
  return { stream: batched(play()), ended: () => ended }
}

async function all<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const seen: T[] = []
  for await (const one of stream) seen.push(one)
  return seen
}

describe('a stream of batches', () => {
  it('is read one by one, in order', async () => {
    expect(await all(createSource([['a', 'b'], ['c']]).stream)).toEqual(['a', 'b', 'c'])
  })

  it('is read as it came', async () => {
    const batches = [['a', 'b'], ['c']]
    expect(await all(batchesOf(createSource(batches).stream))).toEqual(batches)
  })

  it('fails after what came before the failure', async () => {
    const { stream } = createSource([['a', 'b']], new Error('broken'))
    const seen: string[] = []
    const reading = (async () => {
      for await (const one of stream) seen.push(one)
    })()
    await expect(reading).rejects.toThrow('broken')
    expect(seen).toEqual(['a', 'b'])
  })

  it('lets its source go when the reader leaves in the middle of a batch', async () => {
    const { stream, ended } = createSource([['a', 'b'], ['c']])
    for await (const one of stream) if (one === 'a') break
    expect(ended()).toBe(1)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('gives an error back that is thrown into it, and lets its source go', async () => {
    const { stream, ended } = createSource([['a', 'b']])
    await stream.next()
    await expect(stream.throw(new Error('mine'))).rejects.toThrow('mine')
    expect(ended()).toBe(1)
  })
})

describe('a stream of single things', () => {
  it('has batches of one', async () => {
    async function* play() {
      yield 'a'
      yield 'b'
    }
    expect(await all(batchesOf(play()))).toEqual([['a'], ['b']])
  })
})
