// What there is besides chats, through every door that has it: vectors, models, files, counts, watches and what was used.
import { expect } from 'vitest'
import { doors } from '../support/doors/features.ts'
import { has, testRows } from '../support/doors/rows.ts'
import { MODEL, useStage } from '../support/doors/stage.ts'

const { service, upstream } = useStage()

/** What gRPC gives: the contract's own words, which every other door must mean. */
const grpc = () => doors.grpc.to({ url: service().url })

testRows('doors-besides.test.ts', () => service().url, {
  async embeddings({ embed }) {
    const vectors = await has(embed)('openai/text-embedding-3-small', ['one', 'two words'])
    expect(vectors.map(({ length }) => length)).toEqual([1536, 1536])
    expect(vectors[0]).not.toEqual(vectors[1])
    // All doors mean the same two texts, and the double gives the same vectors for these.
    expect(JSON.parse(upstream().requests.at(-1)?.rawBody.toString() ?? '').input).toEqual([
      'one',
      'two words',
    ])
    expect(vectors).toEqual(await has(grpc().embed)('openai/text-embedding-3-small', ['one', 'two words']))
  },

  async models({ models }) {
    const listed = await has(models)()
    expect(listed).toContain('openai/test-model')
    expect(listed).toContain('openai/unpriced')
    expect(new Set(listed).size).toBe(listed.length)
  },

  async files({ upload, download }, { mark }) {
    const text = `blue grass, ${mark}\n`.repeat(1_000)
    const id = await has(upload)('ö 1.txt', text)
    expect(id).toMatch(/^file_/)
    expect(await has(download)(id)).toBe(text)
    expect(await has(grpc().download)(id)).toBe(text)
  },

  async count({ countTokens, ask }) {
    const question = { model: MODEL, text: 'one two three four' }
    // An estimate of a common tokenizer: the words, and some for the message around them.
    const count = await has(countTokens)(question)
    expect(count).toBeGreaterThanOrEqual(4)
    expect(count).toBeLessThan(16)
    const before = upstream().requests.length
    await has(countTokens)(question)
    expect(upstream().requests.length).toBe(before)
    expect((await ask(question)).isDone).toBe(true)
  },

  async watchStatus({ watchStatus }) {
    expect(await has(watchStatus)()).toContain('openai')
  },

  async watchEvents({ watchFailure, ask }) {
    const fail = () => ask({ model: 'no-such-model', text: 'hello' })
    expect(await has(watchFailure)(fail)).toBe('MODEL_NOT_FOUND')
  },

  async usage({ usedCalls, ask }) {
    const before = await has(usedCalls)()
    await ask({ model: MODEL, text: 'hello' })
    await ask({ model: MODEL, text: 'hello again' })
    await expect.poll(() => has(usedCalls)()).toBe(before + 2)
  },
})
