// Keeps the models that providers say they have: asked for when somebody wants to know, and then again when they are old.
import { assumedEntry } from '../catalogue/configured.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { ModelEntry } from '../core/model.ts'
import type { ListedModel } from './model-list.ts'

/** A provider that can list its models. */
export interface ModelListSource {
  /** Id of the provider. */
  readonly provider: string
  /** Asks it. Throws GatewayError. */
  readonly list: (signal: AbortSignal) => Promise<readonly ListedModel[]>
}

/** What is known of one provider's list. It says what there is more; a model that is not in it may be served all the same. */
export interface ProviderList {
  /** The last good list, empty before there is one. */
  readonly models: readonly ListedModel[]
  /** When it came, in milliseconds since 1970; undefined before there is one. */
  readonly fetchedAtMs: number | undefined
  /** Whether the provider has more models than are kept. */
  readonly truncated: boolean
  /** Why the last try failed; undefined when it did not. */
  readonly failure: GatewayError | undefined
}

/** What lists are kept with. */
export interface ModelListsDeps {
  readonly sources: readonly ModelListSource[]
  readonly clock: Clock
  /** Age at which a list is asked for again, in milliseconds. Default 1 h. */
  readonly refreshMs?: number
  /** Time after a failure before the next try, in milliseconds. Default 1 min. */
  readonly retryMs?: number
  /** How long one try may take, in milliseconds. Default 10 s. */
  readonly timeoutMs?: number
  /** Most models that are kept of one provider. Default 5000. */
  readonly maxModels?: number
}

/** The lists of all providers. Nothing is asked before the first use. */
export interface ModelLists {
  /** What is known now. Begins to ask in the background if that is nothing, or old. */
  peek(provider: string): ProviderList
  /** The same, but waits for the first list. Never rejects for a failure of the provider; throws the signal's reason. */
  get(provider: string, signal: AbortSignal): Promise<ProviderList>
  /** A listed model by its id in any case, of what is known now; undefined when it is not there. */
  find(provider: string, id: string): ListedModel | undefined
  /** What is known is old from now on, and the next use asks again. */
  renew(): void
  /** Ends what runs; afterwards nothing is asked any more. */
  close(): void
}

const REFRESH_MS = 3_600_000
const RETRY_MS = 60_000
const TIMEOUT_MS = 10_000
const MODELS_MAX = 5000

const NOTHING: ProviderList = { models: [], fetchedAtMs: undefined, truncated: false, failure: undefined }

interface Kept {
  list: ProviderList
  byId: ReadonlyMap<string, ListedModel>
  dueAtMs: number
  running: Promise<void> | undefined
}

/** Makes empty lists. */
export function createModelLists(deps: ModelListsDeps): ModelLists {
  const { sources, clock, refreshMs = REFRESH_MS, retryMs = RETRY_MS } = deps
  const { timeoutMs = TIMEOUT_MS, maxModels = MODELS_MAX } = deps
  const closing = new AbortController()
  const kept = new Map<string, Kept>()
  const sourceOf = new Map(sources.map(source => [source.provider, source]))

  function keptOf(provider: string): Kept {
    const found = kept.get(provider)
    if (found !== undefined) return found
    const fresh: Kept = { list: NOTHING, byId: new Map(), dueAtMs: clock.monotonic(), running: undefined }
    kept.set(provider, fresh)
    return fresh
  }

  async function refresh(source: ModelListSource, one: Kept): Promise<void> {
    try {
      const all = await source.list(AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]))
      const models = all.slice(0, maxModels)
      const truncated = models.length < all.length
      one.list = { models, fetchedAtMs: clock.now(), truncated, failure: undefined }
      one.byId = new Map(models.map(model => [model.id.toLowerCase(), model]))
      one.dueAtMs = clock.monotonic() + refreshMs
    } catch (error) {
      one.list = { ...one.list, failure: GatewayError.from(error) }
      one.dueAtMs = clock.monotonic() + Math.max(retryMs, one.list.failure?.details.retryDelayMs ?? 0)
    } finally {
      one.running = undefined
    }
  }

  /** Begins to ask unless somebody does already, or it is too early. */
  function begin(provider: string): Kept | undefined {
    const source = sourceOf.get(provider)
    if (source === undefined) return undefined
    const one = keptOf(provider)
    if (!closing.signal.aborted && clock.monotonic() >= one.dueAtMs) one.running ??= refresh(source, one)
    return one
  }

  return {
    peek: provider => begin(provider)?.list ?? NOTHING,
    async get(provider, signal) {
      const one = begin(provider)
      if (one === undefined) return NOTHING
      if (one.list.fetchedAtMs === undefined && one.running !== undefined) await unless(signal, one.running)
      return one.list
    },
    find: (provider, id) => begin(provider)?.byId.get(id.toLowerCase()),
    renew() {
      for (const one of kept.values()) one.dueAtMs = clock.monotonic()
    },
    close: () => closing.abort(new GatewayError('SHUTTING_DOWN', 'the server is shutting down')),
  }
}

/** An entry for a model of which only the provider's list tells anything; what that leaves open stays assumed. */
export function listedEntry(provider: string, listed: ListedModel): ModelEntry {
  const assumed = assumedEntry(provider, listed.id)
  const { contextWindow, maxOutputTokens, modalitiesIn, tools, reasoning, price, shutdown } = listed
  const told = (value: unknown, before: string) => (value === undefined ? before : 'listed by the provider')
  return {
    ...assumed,
    contextWindow,
    maxOutputTokens,
    shutdown,
    status: shutdown === undefined ? assumed.status : 'deprecated',
    modalitiesIn: modalitiesIn ?? assumed.modalitiesIn,
    tools: tools ?? assumed.tools,
    reasoning: reasoning === undefined ? assumed.reasoning : reasoning ? 'optional' : 'none',
    price,
    // Only then may a kind of media be refused before the provider is asked.
    confidence: modalitiesIn === undefined ? assumed.confidence : 'medium',
    source: {
      limits: told(contextWindow ?? maxOutputTokens, assumed.source.limits),
      price: told(price, assumed.source.price),
      capabilities: told(modalitiesIn ?? tools ?? reasoning, assumed.source.capabilities),
    },
  }
}

async function unless(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const end = () =>
    reject(
      signal.reason instanceof GatewayError
        ? signal.reason
        : new GatewayError('CANCELLED', 'the call was cancelled', { cause: signal.reason }),
    )
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    await Promise.race([work, ended])
  } finally {
    signal.removeEventListener('abort', end)
    // Nobody waits for it any more.
    ended.catch(() => {})
  }
}
