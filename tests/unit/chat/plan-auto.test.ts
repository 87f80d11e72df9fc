// How a call left to auto is planned: with the model of its conversation, and with warnings about what a switch loses.
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { explainRoute } from '../../../src/chat/explain.ts'
import { planCall, requestFor } from '../../../src/chat/plan.ts'
import type { Candidate, WarningInit } from '../../../src/core/provider.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { createAffinity, type Kept } from '../../../src/routing/affinity.ts'
import { createLive } from '../../../src/routing/live.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { askAuto, autoDeps, autoModels } from '../../support/auto-catalogue.ts'
import { NO_CONVERSATIONS } from '../../support/completion-rig.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createChance } from '../../support/seeded.ts'
import { createTestCall } from '../../support/test-call.ts'

const counter = createTokenCounter()
const home: Kept = { provider: 'east', model: 'main', hold: 'warm', cachedTokens: 0 }
const user = (text: string): JsonObject => ({ role: 'ROLE_USER', content: [{ text }] })
const said = (text: string): JsonObject => ({ role: 'ROLE_ASSISTANT', content: [{ text }] })

function plan(over: JsonObject, kept: () => Kept | Promise<Kept | undefined> | undefined) {
  const request = askAuto(over)
  return planCall(
    request,
    request.messages,
    { routing: autoDeps(), counter, kept },
    createTestCall().call.signal,
  )
}

describe('a call left to auto', () => {
  it('is planned at once where the chat says with whom it is, and later where that is looked up', async () => {
    const now = plan({}, () => home)
    expect(now).not.toBeInstanceOf(Promise)
    const later = plan({}, async () => home)
    expect(later).toBeInstanceOf(Promise)
    for (const { candidates } of [await now, await later]) expect(candidates[0]?.model.id).toBe('main')
  })

  it('stays with its model when tokens are counted, too', async () => {
    const ceiling = { maxOutputTokens: 10, routing: { maxCostNanoUsd: '1000000000' } }
    const { candidates } = await plan(ceiling, () => home)
    expect(candidates[0]?.reason).toBe("auto: stays with the conversation's model (warm cache)")
  })

  it('asks for the model of its conversation only where auto chooses', () => {
    let asked = 0
    const kept = () => {
      asked += 1
      return undefined
    }
    void plan({ model: 'mini' }, kept)
    expect(asked).toBe(0)
    void plan({ model: 'mini', routing: { fallbackModels: ['auto'] } }, kept)
    expect(asked).toBe(1)
  })

  it('is explained as it is planned', async () => {
    const request = askAuto({ messages: [user('Hello!'), said('Hi!'), user('And now?')] })
    const { candidates } = await explainRoute(createTestCall().call, request, {
      routing: { ...autoDeps(), configVersion: 1 },
      counter,
      conversations: NO_CONVERSATIONS,
      affinity: { of: tenant => (tenant === 'default' ? home : undefined) },
    })
    expect(candidates?.[0]).toMatchObject({
      provider: 'east',
      model: 'main',
      reason: "auto: stays with the conversation's model (warm cache)",
    })
  })
})

describe('thoughts that another provider has sealed', () => {
  const chat = [
    user('Hello!'),
    {
      role: 'ROLE_ASSISTANT',
      content: [{ reasoning: { opaque: 'c2VhbGVk', provider: 'east', model: 'main' } }, { text: 'Hi!' }],
    },
    user('And now?'),
  ]
  function warningsFor(provider: string, messages: JsonObject[]): readonly WarningInit[] {
    const warnings: WarningInit[] = []
    const request = fromJson(CompleteRequestSchema, { model: 'auto', messages })
    const owner = autoDeps().providers.find(({ id }) => id === provider)
    const model = autoModels.find(one => one.provider === provider)
    if (owner === undefined || model === undefined) throw new Error('the table has no such provider')
    const candidate: Candidate = { provider: owner, model, reason: '' }
    requestFor(candidate, request, warning => warnings.push(warning))
    return warnings
  }

  it('are named in a warning for whoever cannot read them', () => {
    expect(warningsFor('west', chat)).toEqual([
      {
        reason: Warning_Reason.NOTICE,
        field: 'messages[1].content[0].reasoning.opaque',
        message: 'not sent to west, because only east can read it',
      },
    ])
  })

  it('are nothing to speak of for their owner, nor where nothing is sealed', () => {
    expect(warningsFor('east', chat)).toEqual([])
    const open = [
      user('Hello!'),
      { role: 'ROLE_ASSISTANT', content: [{ reasoning: { text: 'hm', provider: 'east' } }] },
    ]
    expect(warningsFor('west', open)).toEqual([])
  })
})

describe('conversations of many turns', () => {
  const clock = createHandClock()
  const chance = createChance(20261122)
  const shared = createProcessShared({ clock, onFault: () => {} })
  const affinity = createAffinity({ shared, clock })

  /** Everybody's numbers jump up and down by a factor of three, as busy hours do. */
  function jitter(live: ReturnType<typeof createLive>): void {
    for (const { provider, id } of autoModels)
      live.observe({
        provider,
        model: id,
        outcome: chance.below(20) === 0 ? 'failed' : 'succeeded',
        firstTokenMs: 300 + chance.below(2_700),
        outputTokens: 500,
        streamMs: 2_000 + chance.below(10_000),
      })
  }

  it.each([
    ['PREFER_UNSPECIFIED', 20_000],
    ['PREFER_UNSPECIFIED', 600_000],
    ['PREFER_COST', 600_000],
    ['PREFER_LATENCY', 20_000],
    ['PREFER_QUALITY', 600_000],
  ])('with %s and %i ms between turns have one model from the first to the last', async (prefer, pauseMs) => {
    const live = createLive({ clock })
    for (let round = 0; round < 10; round += 1) jitter(live)
    for (let conversation = 0; conversation < 5; conversation += 1) {
      const messages = [user(`Question ${conversation} after ${pauseMs} ms, ${prefer}`)]
      const models = new Set<string>()
      for (let turn = 0; turn < 30; turn += 1) {
        jitter(live)
        clock.pass(pauseMs)
        const request = askAuto({ messages, routing: { prefer } })
        const { candidates } = await planCall(
          request,
          request.messages,
          {
            routing: { ...autoDeps(), live },
            counter,
            kept: () => affinity.of('default', request, request.messages),
          },
          createTestCall().call.signal,
        )
        const [first] = candidates
        if (first === undefined) throw new Error('nobody was chosen')
        const answered = { provider: first.provider.id, model: first.model.id }
        models.add(`${answered.provider}/${answered.model}`)
        affinity.remember({
          tenant: 'default',
          request,
          messages: request.messages,
          ...answered,
          inputTokens: 50,
        })
        messages.push(said('So.'), user('And now?'))
      }
      expect(models.size).toBe(1)
    }
  })

  it('leave a model once when its circuit opens, and do not come back when it closes', async () => {
    const messages = [user('A question of its own')]
    const trail: string[] = []
    for (let turn = 0; turn < 12; turn += 1) {
      const open = turn >= 3 && turn < 6 ? ['west/every'] : []
      const request = askAuto({ messages })
      const { candidates } = await planCall(
        request,
        request.messages,
        {
          routing: autoDeps({ open }),
          counter,
          kept: () => affinity.of('default', request, request.messages),
        },
        createTestCall().call.signal,
      )
      const [first] = candidates
      if (first === undefined) throw new Error('nobody was chosen')
      trail.push(`${first.model.id}: ${first.reason}`)
      const answered = { provider: first.provider.id, model: first.model.id }
      affinity.remember({
        tenant: 'default',
        request,
        messages: request.messages,
        ...answered,
        inputTokens: 50,
      })
      messages.push(said('So.'), user('And now?'))
      clock.pass(30_000)
    }
    const stays = "auto: stays with the conversation's model (it just answered)"
    expect(trail).toEqual([
      'every: auto: chat wants an everyday model; lowest cost',
      ...Array.from({ length: 2 }, () => `every: ${stays}`),
      'sees: auto: left west/every because its circuit is open',
      ...Array.from({ length: 8 }, () => `sees: ${stays}`),
    ])
  })
})
