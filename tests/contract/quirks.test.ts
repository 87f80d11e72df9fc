// The oddities of providers that break gateways, each met as it comes over the wire.
import { afterEach, describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import { bundledModels } from '../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../src/catalogue/catalogue.ts'
import { createGlm } from '../../src/providers/glm.ts'
import { createKimi } from '../../src/providers/kimi.ts'
import { createRig, type Rig } from '../suites/provider-rig.ts'
import type { ProviderSpec } from '../suites/provider-spec.ts'
import { createHandClock } from '../support/hand-clock.ts'
import { startGlm } from '../support/upstream/glm.ts'
import type { Script } from '../support/upstream/script.ts'
import { textOf, user } from '../unit/providers/attempt.ts'
import { call, countsOf, known, result, said, text, thoughtsOf, weather } from '../unit/providers/known.ts'
import { compatible } from './specs/compatible.ts'
import { glm } from './specs/glm.ts'
import { kimi } from './specs/kimi.ts'
import { miniMax } from './specs/minimax.ts'
import { openAi } from './specs/openai.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function start(spec: ProviderSpec): Promise<Rig> {
  const double = await spec.upstream?.start()
  const rig = createRig(spec, spec.make(double?.url ?? ''), double)
  cleanups.push(
    async () => double?.close(),
    () => rig.provider.close(),
  )
  return rig
}

const hi = { messages: [user('one two three four')] }
const scripted = (...faults: readonly string[]) => ({ scripts: [{ faults }] })
const both = [false, true]

describe('MiniMax', () => {
  it('has no money left: no code of its own is taken for an HTTP status', async () => {
    for (const form of [
      'base_resp',
      'base_resp-json',
      'error',
      'error-full-width',
      'error-number',
      'openai',
      'openai-code',
    ]) {
      for (const stream of both) {
        const rig = await start(miniMax)
        const { error } = await rig.ask(hi, { stream, ...scripted('code=1008', `form=${form}`) })
        expect([form, error?.reason, error?.details.keyTrouble]).toEqual([
          form,
          'UPSTREAM_CREDENTIALS',
          'quota',
        ])
        expect(rig.upstream().requests).toHaveLength(1)
      }
    }
  })

  it('may repeat all that it said so far in every piece', async () => {
    const rig = await start(miniMax)
    const answer = { text: 'A rather long answer that goes on for a while, word after word.' }
    const scripts: readonly Script[] = [{ answer, faults: ['cumulative'] }]
    const { deltas } = await rig.ask(hi, { stream: true, scripts })
    expect(textOf(deltas)).toBe(answer.text)
    expect(thoughtsOf(deltas)).toBe('Let me think about it.')
  })

  it('may put its thoughts into the text and beside it: they are said once, and not as text', async () => {
    const rig = await start(miniMax)
    for (const stream of both) {
      const { deltas } = await rig.ask(
        { ...hi, providerOptions: { minimax: { reasoning_split: false } } },
        { stream },
      )
      expect(thoughtsOf(deltas).trim()).toBe('Let me think about it.')
      expect(textOf(deltas).trim()).toBe('You said: one two three four')
    }
  })

  it('is asked under the very letters of a model, however the caller writes them', async () => {
    const catalogue = createCatalogue({ models: bundledModels(), now: () => Date.now() })
    const [model] = catalogue.find('minimax/minimax-m2.7-HIGHSPEED', { providers: ['openai', 'minimax'] })
    expect(model).toBeDefined()
    const rig = await start(miniMax)
    const { bodies } = await rig.ask(hi, model === undefined ? {} : { model })
    expect(bodies[0]).toMatchObject({ model: 'MiniMax-M2.7-highspeed' })
  })
})

// A call whose thoughts are lost, as after another provider that had none.
const lost = [
  user('Weather?'),
  said(Role.ASSISTANT, call('call_1', '{"city":"Bern"}')),
  result('call_1', '18 degrees'),
]

describe('Kimi', () => {
  it('gets a space for thoughts that are lost, because it refuses a call without any', async () => {
    const rig = await start(kimi)
    const { bodies, deltas } = await rig.ask({ messages: lost, tools: [weather] })
    expect(bodies[0]).toMatchObject({ messages: [{}, { reasoning_content: ' ' }, {}] })
    expect(textOf(deltas)).toBe('The tool said: 18 degrees')
  })

  it.each(['kimi-k2.6', 'kimi-k3'])(
    'may have its counts in the choice, beside it or in a chunk of its own: %s',
    async id => {
      const rig = await start(kimi)
      const answer = { usage: { promptTokens: 90, cachedTokens: 64, completionTokens: 40 } }
      for (const faults of [
        [],
        ['usage-in-choice'],
        ['usage-in-final-chunk'],
        ['usage-in-own-chunk'],
        ['cached-in-details'],
      ]) {
        const { deltas } = await rig.ask(hi, {
          stream: true,
          model: known(id),
          scripts: [{ answer, faults }],
        })
        expect([faults, countsOf(deltas)]).toMatchObject([
          faults,
          { inputTokens: 90, cachedInputTokens: 64, outputTokens: 40 },
        ])
      }
    },
  )

  it('Code says overloaded when its plan is used up: the key is parked, and nobody tries again and again', async () => {
    const rig = await start(kimi)
    const { error } = await rig.ask(hi, scripted('error=rate_limit_error'))
    expect(error?.details).toMatchObject({ against: 'key', keyTrouble: 'plan_window', cooldownMs: 300_000 })
    const { error: next, bodies } = await rig.ask(hi)
    expect(next?.reason).toBe('UPSTREAM_LIMITED')
    expect(bodies).toEqual([])
  })
})

describe('only Kimi', () => {
  it.each([openAi, glm, miniMax, compatible])('gets thoughts that nobody had, not $name', async spec => {
    const rig = await start(spec)
    const { bodies, error } = await rig.ask({ messages: lost, tools: [weather] })
    expect(error).toBeUndefined()
    expect(JSON.stringify(bodies[0])).not.toMatch(/reasoning(_content|_details)?":/)
  })
})

describe('GLM', () => {
  it.each([
    ['1302', 'concurrency'],
    ['1303', 'rate_limit'],
    ['1113', 'quota'],
    ['1112', 'auth'],
    ['1308', 'plan_window'],
    ['1311', 'permission'],
    ['1305', undefined],
  ])('means by 429 what its code says: %s', async (code, keyTrouble) => {
    const rig = await start(glm)
    const { error } = await rig.ask(hi, scripted(`code=${code}`))
    expect([error?.details.upstreamStatus, error?.details.keyTrouble]).toEqual([429, keyTrouble])
  })

  it('may mean the wrong URL by having no money: the message says to check both', async () => {
    const rig = await start(glm)
    const { error } = await rig.ask(hi, scripted('code=1113'))
    expect(error?.message).toMatch(/the plan and its base URL/)
  })

  it('of one’s own is told low instead of none, which would mean max', async () => {
    const double = await startGlm()
    cleanups.push(double.close)
    const own = { ...glm, id: 'my-glm' }
    const provider = createGlm({ id: 'my-glm', baseUrl: double.url, keys: ['test-key'] })
    cleanups.push(() => provider.close())
    const rig = createRig(own, provider, double)
    const model = { ...known('glm-5.3'), provider: 'my-glm' }
    const { bodies } = await rig.ask({ ...hi, reasoningEffort: ReasoningEffort.NONE }, { model })
    expect(bodies[0]).toMatchObject({ reasoning_effort: 'low' })
  })

  it('gets strings in turns of tools and the assistant, whose lists it would drop', async () => {
    const rig = await start(glm)
    const twice = (value: string) => [text(value), text('and more')]
    const messages = [
      user('Weather?'),
      said(Role.ASSISTANT, ...twice('I will look'), call('call_1', '{"city":"Bern"}')),
      said(Role.TOOL, {
        kind: { case: 'toolResult', value: { callId: 'call_1', content: twice('18 degrees') } },
      }),
    ]
    const { bodies } = await rig.ask({ messages, tools: [weather] })
    expect(bodies[0]).toMatchObject({
      messages: [{}, { content: 'I will lookand more' }, { content: '18 degrees\nand more' }],
    })
  })

  it('says when a window of its plan ends, and the key is parked until then', async () => {
    const double = await startGlm()
    cleanups.push(double.close)
    // Ten minutes before 18:00 in Beijing, which the double names.
    const clock = createHandClock('2026-11-22T17:50:00+08:00')
    const provider = createGlm({ id: 'glm', baseUrl: double.url, keys: ['test-key'], clock })
    cleanups.push(() => provider.close())
    const rig = createRig(glm, provider, double)
    const { error } = await rig.ask(hi, scripted('code=1308'))
    expect(error?.details).toMatchObject({ keyTrouble: 'plan_window', retryDelayMs: 600_000 })
    expect(provider.unusableReason).toContain('2026-11-22T10:00:00Z')
  })

  it('gets a new id with every attempt, because it refuses one that it knows', async () => {
    const rig = await start(glm)
    const ids = [(await rig.ask(hi)).bodies[0], (await rig.ask(hi)).bodies[0]].map(
      body => body?.['request_id'],
    )
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(ids[1]).not.toBe(ids[0])
  })
})

describe('a model that always thinks', () => {
  it('may spend a small cap on thinking: the caller is told so, and nobody is blamed', async () => {
    for (const spec of [glm, kimi]) {
      const rig = await start(spec)
      const notices: string[] = []
      const input = { ...hi, maxOutputTokens: 4 }
      const { deltas, error } = await rig.ask(input, { onNotice: notice => notices.push(notice) })
      expect(error).toBeUndefined()
      expect(textOf(deltas)).toBe('')
      expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.LENGTH })
      expect(notices).toContainEqual(expect.stringMatching(/may spend all 4 tokens on thinking/))
    }
  })
})

it('a provider without the means to download refuses an image by URL, before anybody is asked', async () => {
  const rig = await start({
    ...kimi,
    make: baseUrl => createKimi({ id: 'kimi', baseUrl, keys: ['test-key'] }),
  })
  const source = { case: 'url', value: 'https://images.example/a.png' } as const
  const part = { kind: { case: 'media', value: { mimeType: 'image/png', source } } } as const
  const { error, bodies } = await rig.ask({ messages: [said(Role.USER, part)] })
  expect([error?.reason, bodies]).toEqual(['UNSUPPORTED', []])
})
