// Reads a provider's own list of models, whatever it tells about each.
import type { Clock } from '../core/clock.ts'
import type { Modality, ModelPrice } from '../core/model.ts'
import { nanoUsdFromUsd } from '../core/money.ts'
import type { Access } from './access.ts'
import type { Upstream } from './openai-dialect/dialect.ts'
import { broken, readComplaint, refusal, retryDelayMs } from './openai-dialect/errors.ts'
import { foreign, foreignList, foreignText } from './openai-dialect/wire.ts'

/** A model as its provider lists it. What the provider does not tell is undefined. */
export interface ListedModel {
  /** In the exact case of the provider. */
  readonly id: string
  /** In tokens. */
  readonly contextWindow: number | undefined
  /** In tokens. */
  readonly maxOutputTokens: number | undefined
  readonly modalitiesIn: readonly Modality[] | undefined
  readonly tools: boolean | undefined
  /** Whether it can think. */
  readonly reasoning: boolean | undefined
  readonly price: ModelPrice | undefined
  /** The announced last day, `YYYY-MM-DD`. */
  readonly shutdown: string | undefined
  /** The word of llama.cpp's router: `unloaded loading loaded sleeping downloading`. */
  readonly state: string | undefined
}

/** What is asked with. */
export interface ModelListDeps {
  /** Id of the provider, what its errors mean, and how its texts are cleaned of keys. */
  readonly upstream: Omit<Upstream, 'model'>
  /** Called for each request, so that a key that is out is not used. */
  readonly access: () => Access
  readonly clock: Clock
}

/** Most bytes of one list; OpenRouter's, the longest known, has less than 1 MB. */
const LIST_BYTES_MAX = 8 * 1024 * 1024
const ERROR_BYTES_MAX = 64 * 1024

/** Asks for `GET /models`. Throws GatewayError as an attempt does; UPSTREAM_BROKEN for what is no list. */
export async function listUpstreamModels(
  { upstream: given, access, clock }: ModelListDeps,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const upstream: Upstream = { ...given, model: '' }
  const { http, headers } = access()
  const request = {
    method: 'GET',
    path: '/models',
    headers: { ...headers, accept: 'application/json' },
  } as const
  const response = await http.send({ ...request, signal })
  const { status } = response
  try {
    const text = status === 200 ? await response.text(LIST_BYTES_MAX) : await response.head(ERROR_BYTES_MAX)
    const body = parsed(text)
    const complaint = readComplaint(body, upstream.dialect)
    if (status !== 200 || complaint !== undefined) {
      const wait = retryDelayMs(response.headers, clock.now())
      throw refusal(upstream, complaint, {
        ...(status === 200 ? {} : { status }),
        ...(wait === undefined ? {} : { retryDelayMs: wait }),
      })
    }
    const models = readModelList(body)
    if (models === undefined) throw broken(upstream, 'sent no list of models')
    return models
  } finally {
    response.close()
  }
}

/**
 * Reads a list: under `data` or `models`, or bare. Entries without a usable id, and those whose id was there before, are left
 * out. Undefined when it is no list at all.
 */
export function readModelList(body: unknown): readonly ListedModel[] | undefined {
  const fields = foreign<'data' | 'models'>(body)
  const list = [body, fields?.data, fields?.models].find(each => Array.isArray(each))
  if (list === undefined) return undefined
  const byId = new Map<string, ListedModel>()
  for (const entry of foreignList(list)) {
    const model = readModel(entry)
    if (model !== undefined && !byId.has(model.id)) byId.set(model.id, model)
  }
  return [...byId.values()]
}

type Names =
  | 'id'
  | 'name'
  | 'model'
  | 'context_length'
  | 'max_model_len'
  | 'context_window'
  | 'meta'
  | 'top_provider'
  | 'max_output_tokens'
  | 'architecture'
  | 'supports_image_in'
  | 'supports_video_in'
  | 'supports_reasoning'
  | 'supported_parameters'
  | 'pricing'
  | 'shutdown_date'
  | 'expiration_date'
  | 'status'

// Printable and without spaces: an id goes into headers of answers, logs and labels.
const plausibleId = /^[\x21-\x7e]{1,256}$/

function readModel(entry: unknown): ListedModel | undefined {
  const model = foreign<Names>(typeof entry === 'string' ? { id: entry } : entry)
  const id = foreignText(model?.id) || foreignText(model?.model) || foreignText(model?.name)
  if (model === undefined || !plausibleId.test(id)) return undefined
  const parameters = foreignList(model.supported_parameters)
  const limits = foreign<'context_length' | 'max_completion_tokens'>(model.top_provider)
  return {
    id,
    contextWindow:
      // Kimi and OpenRouter, vLLM, Groq, llama.cpp.
      size(model.context_length) ??
      size(model.max_model_len) ??
      size(model.context_window) ??
      size(limits?.context_length) ??
      size(foreign<'n_ctx'>(model.meta)?.n_ctx),
    maxOutputTokens: size(limits?.max_completion_tokens) ?? size(model.max_output_tokens),
    modalitiesIn: modalitiesOf(model),
    tools: parameters.length === 0 ? undefined : parameters.includes('tools'),
    reasoning:
      typeof model.supports_reasoning === 'boolean'
        ? model.supports_reasoning
        : parameters.length === 0
          ? undefined
          : parameters.includes('reasoning'),
    price: priceOf(model.pricing),
    shutdown: dayOf(model.shutdown_date) ?? dayOf(model.expiration_date),
    state: stateOf(model.status),
  }
}

const modalityNames: ReadonlyMap<unknown, Modality> = new Map<unknown, Modality>([
  ['text', 'text'],
  ['image', 'image'],
  ['video', 'video'],
  ['audio', 'audio'],
  ['file', 'file'],
  ['pdf', 'pdf'],
])

function modalitiesOf(
  model: Readonly<Partial<Record<'architecture' | 'supports_image_in' | 'supports_video_in', unknown>>>,
): readonly Modality[] | undefined {
  const { supports_image_in: image, supports_video_in: video } = model
  if (typeof image === 'boolean' || typeof video === 'boolean')
    return [
      'text',
      ...(image === true ? (['image'] as const) : []),
      ...(video === true ? (['video'] as const) : []),
    ]
  const named = foreignList(foreign<'input_modalities'>(model.architecture)?.input_modalities)
  const known = named.flatMap(name => modalityNames.get(name) ?? [])
  return known.length === 0 ? undefined : known
}

/** OpenRouter's prices: USD per token, as text; -1 is a price that varies. */
function priceOf(value: unknown): ModelPrice | undefined {
  const pricing = foreign<'prompt' | 'completion' | 'input_cache_read' | 'input_cache_write'>(value)
  const input = perMillion(pricing?.prompt)
  const output = perMillion(pricing?.completion)
  if (input === undefined || output === undefined) return undefined
  return {
    input,
    output,
    cachedInput: perMillion(pricing?.input_cache_read),
    cacheWrite: perMillion(pricing?.input_cache_write),
    tiers: [],
  }
}

function perMillion(value: unknown): bigint | undefined {
  const text = typeof value === 'number' ? String(value) : foreignText(value).trim()
  if (!/^\d+(?:\.\d+)?(?:e-?\d+)?$/i.test(text)) return undefined
  // The exponent moves the point six places, so that no digit is lost.
  const [digits = '', exponent = '0'] = text.toLowerCase().split('e')
  return nanoUsdFromUsd(Number(`${digits}e${Number(exponent) + 6}`))
}

function size(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

function dayOf(value: unknown): string | undefined {
  const [day] = /^\d{4}-\d{2}-\d{2}(?=$|T)/.exec(foreignText(value)) ?? []
  return day
}

function stateOf(value: unknown): string | undefined {
  const word = foreignText(foreign<'value'>(value)?.value) || foreignText(value)
  return /^[a-z_]{1,32}$/.test(word) ? word : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A web page: it is no list, and the status says what else is wrong.
    return undefined
  }
}
