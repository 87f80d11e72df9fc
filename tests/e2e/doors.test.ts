// The same questions through every door of one service: each gets the same text, calls, tokens and reasons for its end.
import { expect } from 'vitest'
import { nothing } from '../support/doors/door.ts'
import { doors } from '../support/doors/features.ts'
import { has, testRows } from '../support/doors/rows.ts'
import { MODEL, THINKER, UNPRICED, useStage } from '../support/doors/stage.ts'

const { service, upstream } = useStage()

const weather = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const clock = {
  name: 'get_time',
  parameters: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] },
}
const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const model = MODEL
const stopped = { finish: 'stop', isDone: true, error: undefined, calls: [] }
const both = [{}, { stream: true }] as const
/** What the provider was sent last, as text. */
const sent = () => upstream().requests.at(-1)?.rawBody.toString() ?? ''

testRows('doors.test.ts', () => service().url, {
  async text({ ask }) {
    const answer = await ask({ model, text: 'good morning, Zürich 🗼' })
    // The double counts words: four that are said, and two more in front of them.
    expect(answer).toMatchObject({ ...stopped, text: 'You said: good morning, Zürich 🗼', tokens: [4, 6] })
    expect(answer.id).toMatch(/^resp_/)
  },

  async stream({ ask }) {
    const ids = new Set<string>()
    const text = 'one two three four five'
    const answer = await ask({ model, text, stream: true, onPiece: id => ids.add(id) })
    expect(answer).toMatchObject({ ...stopped, text: `You said: ${text}`, tokens: [5, 7] })
    expect(answer.pieces).toBeGreaterThan(2)
    expect([...ids]).toEqual([answer.id])
  },

  async toolCall({ ask }) {
    for (const how of both) {
      const answer = await ask({ ...how, model, text: 'call the tool', tools: [weather] })
      const calls = [
        { id: expect.stringMatching(/^call_\d+$/), name: 'get_weather', arguments: '{"city":"text"}' },
      ]
      expect(answer).toMatchObject({ text: '', calls, finish: 'tool_calls', tokens: [3, 1], isDone: true })
    }
  },

  async toolResult({ ask }) {
    const call = { id: 'call_1', name: 'get_weather', arguments: '{"city":"Bern"}' }
    const result = { call, text: '21 degrees' }
    for (const how of both) {
      const answer = await ask({ ...how, model, text: 'call the tool', tools: [weather], result })
      expect(answer).toMatchObject({ ...stopped, text: 'The tool said: 21 degrees' })
      const { messages } = JSON.parse(sent())
      expect(messages[1].tool_calls).toEqual([
        { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Bern"}' } },
      ])
      expect(messages[2]).toEqual({ role: 'tool', tool_call_id: 'call_1', content: '21 degrees' })
    }
  },

  async severalTools({ ask }) {
    for (const how of both) {
      const answer = await ask({ ...how, model, text: 'call the tools', tools: [weather, clock] })
      expect(answer.calls.map(({ name, arguments: args }) => [name, args])).toEqual([
        ['get_weather', '{"city":"text"}'],
        ['get_time', '{"zone":"text"}'],
      ])
      expect(new Set(answer.calls.map(({ id }) => id)).size).toBe(2)
      expect(answer).toMatchObject({ finish: 'tool_calls', isDone: true })
    }
  },

  async schema({ ask }) {
    const answer = await ask({ model, text: 'where is it?', schema })
    expect(answer).toMatchObject({ ...stopped, text: '{"city":"text"}' })
    expect(JSON.parse(sent()).response_format).toMatchObject({
      type: 'json_schema',
      json_schema: { schema, strict: true },
    })
  },

  async reasoning({ ask }) {
    for (const how of both) {
      upstream().next({ answer: { reasoning: 'First of all, think.' } })
      const answer = await ask({ ...how, model: THINKER, text: 'a riddle', tools: [weather], thoughts: true })
      expect(answer).toMatchObject({
        ...stopped,
        text: 'You said: a riddle',
        reasoning: 'First of all, think.',
      })
      expect(JSON.parse(sent()).reasoning.effort).toBe('high')
    }
  },

  async image({ ask }) {
    const answer = await ask({ model, text: 'what is it?', image: PIXEL })
    expect(answer).toMatchObject({ finish: 'stop', isDone: true })
    expect(answer.text.trim()).toBe('You said: what is it?')
    const [{ content }] = JSON.parse(sent()).messages
    expect(content[1].image_url.url).toBe(`data:image/png;base64,${PIXEL}`)
  },

  async file({ ask }, { mark }) {
    const upload = has(doors.connect.to({ url: service().url }).upload)
    const fileId = await upload('note.txt', `blue grass of ${mark}`)
    const answer = await ask({ model, text: 'which colour?', fileId })
    expect(answer).toMatchObject({ finish: 'stop', isDone: true })
    expect(sent()).toContain(`blue grass of ${mark}`)
  },

  async system({ ask }) {
    const answer = await ask({ model, text: 'hi', system: 'be brief' })
    expect(answer).toMatchObject({ ...stopped, text: 'You said: hi', tokens: [3, 3] })
    const [first] = JSON.parse(sent()).messages
    expect(first).toEqual({ role: 'system', content: 'be brief' })
  },

  async stop({ ask }) {
    const answer = await ask({ model, text: 'one two three', stop: 'two' })
    expect(answer).toMatchObject({ ...stopped, text: 'You said: one ' })
  },

  async cap({ ask }) {
    const answer = await ask({ model, text: 'one two three four', maxTokens: 3 })
    expect(answer).toMatchObject({ finish: 'length', isDone: true, tokens: [4, 3] })
    expect(answer.text.trim()).toBe('You said: one')
  },

  async cost({ ask }) {
    for (const how of both) {
      // Three words at 2,000 billionths of a dollar, and five at 8,000.
      const answer = await ask({ ...how, model, text: 'what is spent' })
      expect(answer).toMatchObject({ tokens: [3, 5], nanoUsd: '46000' })
    }
    // What a cache had a part in is input as well, however a door counts it.
    upstream().next({ answer: { usage: { cachedTokens: 2 } } })
    expect(await ask({ model, text: 'what is spent' })).toMatchObject({ tokens: [3, 5] })
    // A model without a price costs something unknown, and not nothing.
    const unknown = await ask({ model: UNPRICED, text: 'what is spent' })
    expect(unknown).toMatchObject({ isDone: true, nanoUsd: undefined })
  },

  async key({ ask }, { mark }) {
    const before = upstream().requests.length
    const question = { model, text: `only once, ${mark}`, key: mark.replaceAll(' ', '-') }
    const first = await ask(question)
    const [again, streamed] = [await ask(question), await ask({ ...question, stream: true })]
    expect(first.isReplayed).toBe(false)
    for (const each of [again, streamed])
      expect(each).toMatchObject({ id: first.id, text: first.text, isReplayed: true, isDone: true })
    expect(upstream().requests.length).toBe(before + 1)
    expect(await ask({ ...question, text: 'something else' })).toEqual({
      ...nothing,
      error: 'IDEMPOTENCY_MISMATCH',
    })
  },

  async conversation({ ask }, { mark }) {
    const first = await ask({ model, text: `remember ${mark}`, conversation: 'new' })
    expect(first.conversation).toMatch(/^conv_/)
    const next = await ask({ model, text: 'and now?', conversation: first.conversation })
    expect(next).toMatchObject({ ...stopped, text: 'You said: and now?', conversation: first.conversation })
    expect(JSON.parse(sent()).messages.map(({ content }: { content: unknown }) => content)).toEqual([
      `remember ${mark}`,
      `You said: remember ${mark}`,
      'and now?',
    ])
  },
})
