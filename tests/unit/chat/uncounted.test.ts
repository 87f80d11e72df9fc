// When the tokens of a limited call are not counted before it begins, and what is known of them then.
import { describe, expect, it } from 'vitest'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { type CallPlan, planCall } from '../../../src/chat/plan.ts'
import { reserveOf } from '../../../src/chat/walk-input.ts'
import type { Policy } from '../../../src/core/limits.ts'
import type { PriceTier } from '../../../src/core/model.ts'
import type { AttemptNeed } from '../../../src/metering/attempt-amounts.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'
import { createChance } from '../../support/seeded.ts'
import { createTestCall } from '../../support/test-call.ts'

const rate = (output: bigint) => ({
  input: 2_000_000_000n,
  output,
  cachedInput: undefined,
  cacheWrite: undefined,
})
const model = (tiers: readonly PriceTier[] = []) => ({
  ...assumedEntry('one', 'one-model'),
  contextWindow: 1_000,
  maxOutputTokens: 10,
  price: { ...rate(10_000_000_000n), tiers },
})
const policy = (maxPromptTokens: number): Policy => ({
  allowedModels: [],
  deniedModels: [],
  allowedTools: [],
  deniedTools: [],
  maxPromptTokens,
})
const counter = createTokenCounter()

function planned(text: string, over: Parameters<typeof ask>[1] = {}, policies: readonly Policy[] = []) {
  const catalogue = createCatalogue({
    models: { asOf: '2026-01-01', problems: [], models: [model()] },
    now: () => 0,
  })
  const routing = { catalogue, providers: [createScriptedProvider('one', [])], now: () => 0 }
  const limits = { needsTokens: true, policies, reserve: () => undefined }
  const request = ask(text, { model: 'one-model', ...over })
  const { signal } = createTestCall().call
  return { request, plan: planCall(request, request.messages, { routing, counter, limits }, signal) }
}

describe('the tokens of a call with limits', () => {
  it.each([
    ['that names its model, and surely fits', 'hi', {}, [], false],
    ['that may be too long for the model by its bytes', 'é'.repeat(500), {}, [], true],
    ['that leaves the choice to auto', 'hi', { model: 'auto' }, [], true],
    ['with a price ceiling', 'hi', { routing: { maxCostNanoUsd: 10n ** 12n } }, [], true],
    ['that is surely as short as its policy asks', 'hi', {}, [policy(9)], false],
    ['that may be longer than its policy allows', 'hi you', {}, [policy(12)], true],
  ] as const)('%s are counted first or not', async (_, text, over, policies, isCounted) => {
    const { plan } = planned(text, over, policies)
    expect(plan instanceof Promise).toBe(isCounted)
    const { inputTokens, uncounted } = await plan
    expect(inputTokens !== undefined).toBe(isCounted)
    expect(uncounted === undefined).toBe(isCounted)
  })

  it('are never more than their bytes, whatever the text is', async () => {
    const chance = createChance(7)
    const pieces = [
      'a',
      ' ',
      '\n',
      'é',
      '好',
      '🙂',
      '\ud83d',
      '\u0000',
      '<|endoftext|>',
      '٣',
      'Zß',
      '…',
    ] as const
    // Of rare characters each byte is a token, and there are more of them than code units.
    const rare = Array.from({ length: 20 }, (_, index) => String.fromCodePoint(0xe000 + index)).join('')
    const mixed = Array.from({ length: 200 }, () =>
      Array.from({ length: 1 + chance.below(40) }, () => chance.oneOf(pieces)).join(''),
    )
    for (const text of [rare, ...mixed]) {
      const { uncounted } = await planned(text).plan
      const counted = await uncounted?.count()
      expect(uncounted?.most, JSON.stringify(text)).toBeGreaterThanOrEqual(counted ?? Number.NaN)
    }
  })
})

describe('what an attempt needs while nobody has counted', () => {
  const plan: CallPlan = {
    candidates: [],
    skipped: [],
    uncounted: { most: 500, count: () => Promise.resolve(100) },
  }
  async function needOf(tiers: readonly PriceTier[], prefillTokens = 0): Promise<AttemptNeed | undefined> {
    let asked: AttemptNeed | undefined
    const limits = {
      needsTokens: true,
      policies: [],
      reserve(need: AttemptNeed) {
        asked = need
        return undefined
      },
    }
    const request = ask('hi', { model: 'one-model' })
    const provider = createScriptedProvider('one', [])
    const candidate = { provider, model: model(tiers), reason: '', outputCap: undefined }
    reserveOf(
      { call: { id: 'call_1' }, limits, plan, messages: request.messages, files: undefined },
      request,
      prefillTokens,
    )?.(candidate)
    return asked
  }

  it('is the most that it can be, and what it is when it is counted', async () => {
    const need = await needOf([], 7)
    expect(need?.inputTokens).toBe(507)
    // 2,000 nano-USD a token of input, and 10,000 of output.
    expect(need?.cost(10)).toBe(507n * 2_000n + 100_000n)
    const counted = await need?.counted?.()
    expect(counted?.inputTokens).toBe(107)
    expect(counted?.cost(10)).toBe(107n * 2_000n + 100_000n)
    expect(counted?.counted).toBeUndefined()
  })

  it('has no known price where more tokens may cost less', async () => {
    const tier = (output: bigint) => ({ ...rate(output), aboveInputTokens: 200 })
    expect((await needOf([tier(9_000_000_000n)]))?.cost(10)).toBeUndefined()
    expect(await (await needOf([tier(9_000_000_000n)]))?.counted?.()).toMatchObject({ inputTokens: 100 })
    expect((await needOf([tier(20_000_000_000n)]))?.cost(10)).toBe(500n * 2_000n + 200_000n)
  })
})
