// The six models on which the choices of auto are worked out by hand, and plans made on them.
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { createCatalogue } from '../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../src/catalogue/configured.ts'
import { GatewayError } from '../../src/core/errors.ts'
import {
  type ModelEntry,
  modalities,
  type Quality,
  qualities,
  reasonings,
  structuredOutputs,
} from '../../src/core/model.ts'
import type { Provider } from '../../src/core/provider.ts'
import type { Kept } from '../../src/routing/affinity.ts'
import { listCandidates, planRoute, type RoutingDeps } from '../../src/routing/candidates.ts'
import type { Expected } from '../../src/routing/live.ts'
import table from '../fixtures/auto/catalogue.json' with { type: 'json' }
import { createScriptedProvider } from './scripted-provider.ts'

const now = (): number => Date.parse('2026-11-22T00:00:00Z')

/** One of a list of words; fails the test for any other. */
function wordOf<T>(words: readonly T[], word: unknown): T {
  const found = words.find(one => one === word)
  if (found === undefined) throw new Error(`no such word: ${word}`)
  return found
}

/** The models of the table. */
export const autoModels: readonly ModelEntry[] = table.models.map(one => {
  const nanoUsd = BigInt(Math.round(one.usdPerMillion * 1e9))
  return {
    ...assumedEntry(one.provider, one.id),
    quality: wordOf<Quality>(qualities, one.quality),
    price: { input: nanoUsd, output: nanoUsd, cachedInput: undefined, cacheWrite: undefined, tiers: [] },
    tools: one.tools,
    modalitiesIn: one.modalitiesIn.map(word => wordOf(modalities, word)),
    structuredOutput: wordOf(structuredOutputs, one.structuredOutput),
    reasoning: wordOf(reasonings, one.reasoning),
    contextWindow: one.contextWindow,
  }
})

/** A whole request to auto with a plain question, and what a test asks over it. */
export function askAuto(over: JsonObject = {}) {
  const plain = { model: 'auto', messages: [{ role: 'ROLE_USER', content: [{ text: 'Hello!' }] }] }
  return fromJson(CompleteRequestSchema, { ...plain, ...over })
}

/** What a plan is made with besides the request. */
export interface Given {
  readonly inputTokens?: number | undefined
  /** Models with an open circuit, as `provider/model`. */
  readonly open?: readonly string[] | undefined
  /** Providers whose keys are all out. */
  readonly out?: readonly string[] | undefined
  readonly live?: Readonly<Record<string, Expected>> | undefined
  readonly kept?: Kept | undefined
  readonly models?: readonly ModelEntry[] | undefined
}

/** What everybody else is expected to do: 500 tokens in 6 s. */
export const alike: Expected = { firstTokenMs: 1_000, tokensPerSecond: 100, successRate: 1 }

/** What plans are made from under these circumstances. */
export function autoDeps({ open = [], out = [], live = {}, models = autoModels }: Given = {}): RoutingDeps {
  const providers = table.providers.map((id): Provider => {
    const provider = createScriptedProvider(id, [], [])
    const message = `every key of ${id} is out`
    const outage = new GatewayError('UPSTREAM_LIMITED', message, { retryDelayMs: 20_000 })
    return out.includes(id) ? { ...provider, unusableReason: message, outage } : provider
  })
  return {
    catalogue: createCatalogue({ models: { asOf: '2026-11-22', problems: [], models }, now }),
    providers,
    now,
    live: { forecast: () => (provider, model) => live[`${provider}/${model}`] ?? alike },
    circuits: {
      refusal: (provider, model) =>
        open.includes(`${provider}/${model}`)
          ? { message: 'its circuit is open', retryAfterMs: 30_000 }
          : undefined,
    },
  }
}

/** Who would be asked, as `provider/model`, and why. */
export function planAuto(over: JsonObject = {}, given: Given = {}) {
  const { inputTokens, kept } = given
  const { candidates } = planRoute(askAuto(over), autoDeps(given), { inputTokens, kept })
  return candidates.map(one => ({ model: `${one.provider.id}/${one.model.id}`, reason: one.reason }))
}

/** The same with everybody who is left out, also where nobody is asked. */
export function listAuto(over: JsonObject = {}, given: Given = {}) {
  const { inputTokens, kept } = given
  return listCandidates(askAuto(over), autoDeps(given), { inputTokens, kept })
}
