// Checks that the Responses endpoint of the OpenAI double wants its reasoning back just as it was issued.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { listOf, objectOf } from '../../support/upstream/shape.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(() => upstream.close())

const create = (input: unknown, more: object): Promise<RawAnswer> =>
  rawCall(upstream.url, { path: '/responses', body: { model: 'gpt-5.6-sol', input, ...more } })
const low = { reasoning: { effort: 'low' } }
const tools = [{ type: 'function', name: 'weather' }]
const output = (answer: RawAnswer) => listOf(at(answer.json, 'output')).map(objectOf)

describe('replayed reasoning', () => {
  const asked = { ...low, tools, store: false, include: ['reasoning.encrypted_content'] }
  const ask = { role: 'user', content: 'call the tool' }
  const turn = async (more: object = asked) => {
    const [reasoning = {}, call = {}] = output(await create([ask], more))
    return {
      reasoning,
      call,
      result: { type: 'function_call_output', call_id: call['call_id'], output: 'sunny' },
    }
  }
  const problem = (answer: RawAnswer) => [answer.status, at(answer.json, 'error', 'message')]

  it('is taken unchanged before its call', async () => {
    const { reasoning, call, result } = await turn()
    const answer = await create([ask, reasoning, call, result], asked)
    expect(at(output(answer), 1, 'content', 0, 'text')).toBe('The tool said: sunny')
    const { id: _id, status: _status, ...bareCall } = call
    expect((await create([ask, reasoning, bareCall, result], asked)).status).toBe(200)
  })

  it('is refused when a byte or a field has changed', async () => {
    const { reasoning, call, result } = await turn()
    const sealed = `${reasoning['encrypted_content']}=`
    for (const changed of [
      { encrypted_content: sealed },
      { summary: [{ type: 'summary_text', text: 'x' }] },
    ]) {
      const answer = await create([ask, { ...reasoning, ...changed }, call, result], asked)
      expect(at(answer.json, 'error', 'code')).toBe('invalid_encrypted_content')
    }
  })

  it('is missed before its call, behind it, and in another turn', async () => {
    const { reasoning, call, result } = await turn()
    const missing = [
      400,
      expect.stringContaining(`without its required 'reasoning' item: '${reasoning['id']}'`),
    ]
    expect(problem(await create([ask, call, result], asked))).toEqual(missing)
    const following = [400, expect.stringContaining('without its required following item')]
    expect(problem(await create([reasoning, ask, call, result], asked))).toEqual(following)
    expect(problem(await create([ask, call, result, reasoning], asked))).toEqual(missing)
    const said = { role: 'assistant', content: 'Wait.' }
    expect(problem(await create([ask, reasoning, said, ask, call, result], asked))).toEqual(missing)
  })

  it('must have its encrypted content when nothing is stored', async () => {
    const { reasoning, call, result } = await turn({ ...low, tools, store: false })
    const answer = await create([ask, reasoning, call, result], asked)
    expect(problem(answer)).toEqual([404, expect.stringContaining('Items are not persisted')])
  })

  it('is not missed where nothing is thought, or where the host has stored it', async () => {
    const { call, result } = await turn()
    const quiet = { tools, store: false, reasoning: { effort: 'none' } }
    expect((await create([ask, call, result], quiet)).status).toBe(200)
    expect((await create([ask, call, result], { ...low, tools })).status).toBe(200)
  })
})
