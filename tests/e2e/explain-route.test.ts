// Routes explained through the whole service: nobody is asked, and what is said is what Complete then does.
import { afterEach, expect, it } from 'vitest'
import { startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function start() {
  const upstream = await startUpstream({ models: ['cheap', 'dear', 'mystery'] })
  cleanups.push(upstream.close)
  const service = await startService(
    { EXAI_CONFIG: 'exai.yaml' },
    {
      files: {
        'exai.yaml': [
          'providers:',
          '  - name: local',
          '    kind: openai-compatible',
          `    base_url: ${upstream.url}`,
          '    keys: [{ api_key: test-key }, { api_key: test-key-2 }]',
          '    models:',
          '      - { id: cheap, input_price: 1, output_price: 2, max_output_tokens: 100, context_window: 1000 }',
          '      - { id: dear, input_price: 100, output_price: 200, max_output_tokens: 100 }',
          '      - { id: mystery }',
        ].join('\n'),
      },
    },
  )
  cleanups.push(() => service.stop())
  async function ask(method: string, body: object) {
    const response = await fetch(`${service.url}/exai.v1.ChatService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  return { upstream, ask }
}

const chat = (model: string, routing: object = {}, text = 'hello world') => ({
  model,
  messages: [{ role: 'ROLE_USER', content: [{ text }] }],
  routing,
})

it('a route is explained without asking anybody, with prices, and with a reason for everybody who is left out', async () => {
  const { upstream, ask } = await start()
  const request = chat('dear', { fallbackModels: ['mystery', 'cheap'], maxCostNanoUsd: '1000000' })
  const { status, body } = await ask('ExplainRoute', request)
  expect(status).toBe(200)
  // "hello world" is 2 tokens of o200k, and 7 are around it: 9 × 1,000 + 100 × 2,000, and a hundred times that.
  expect(body).toEqual({
    requestedModel: 'dear',
    inputTokens: 9,
    configVersion: 1,
    candidates: [{ provider: 'local', model: 'cheap', reason: 'fallback model', maxCostNanoUsd: '209000' }],
    skipped: [
      {
        provider: 'local',
        model: 'dear',
        reason: 'REASON_PRICE',
        message: 'may cost 20900000 nano-USD, and routing.max_cost_nano_usd is 1000000',
      },
      {
        provider: 'local',
        model: 'mystery',
        reason: 'REASON_PRICE',
        message: 'its price is not known, and routing.max_cost_nano_usd is 1000000',
      },
    ],
  })
  expect(upstream.requests).toEqual([])

  const answer = await ask('Complete', request)
  expect(answer).toMatchObject({ status: 200, body: { model: 'cheap', route: { skipped: body.skipped } } })
  expect(upstream.requests).toHaveLength(1)
})

it('what Complete would refuse is refused, and a request that nobody can take is explained', async () => {
  const { upstream, ask } = await start()
  expect(await ask('ExplainRoute', chat('nobody-has-it'))).toMatchObject({
    status: 404,
    body: { code: 'not_found' },
  })
  expect(await ask('ExplainRoute', { ...chat('cheap'), temperature: 9 })).toMatchObject({
    status: 400,
    body: { code: 'invalid_argument' },
  })
  const long = chat('cheap', {}, 'word '.repeat(1500))
  const message = 'needs 1508 tokens, its context window is 1000'
  expect(await ask('ExplainRoute', long)).toMatchObject({
    status: 200,
    body: { inputTokens: 1508, skipped: [{ reason: 'REASON_CAPABILITY', message }] },
  })
  const refused = await ask('Complete', long)
  expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_argument' } })
  expect(refused.body.message).toContain(message)
  expect(JSON.stringify(refused.body.details)).toContain('CONTEXT_TOO_LONG')
  expect(upstream.requests).toEqual([])
})
