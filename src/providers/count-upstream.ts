// Counts the tokens of a request where its provider would count them. A count is a help: it never fails a chat.
import type { ProviderConfig } from '../config/snapshot.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Access } from './access.ts'
import type { UpstreamResponse } from './http-answer.ts'
import type { Fields } from './merge.ts'
import type { Upstream } from './openai-dialect/dialect.ts'
import { readComplaint, refusal, retryDelayMs } from './openai-dialect/errors.ts'
import { foreign } from './openai-dialect/wire.ts'

/** What a provider counted; without `tokens` the reason says why a local estimate has to do. */
export type UpstreamCount =
  | {
      readonly tokens: number
      /** Fields of the request that become input, and that the endpoint does not count: an estimate of them is to be added. */
      readonly notCounted: readonly string[]
    }
  | {
      readonly tokens: undefined
      readonly reason: string
      /** The failure behind the reason; absent when nobody was asked. */
      readonly fault?: GatewayError
    }

/** Counts with one key at one provider. */
export interface UpstreamCounter {
  /**
   * Counts the input tokens of a request as it would go to the chat endpoint (for OpenAI: to `/responses`). Free of charge.
   * Never rejects, not even when the signal ends it.
   */
  count(body: Fields, signal: AbortSignal): Promise<UpstreamCount>
}

/** How a kind of provider counts. */
export interface CountWay {
  readonly path: string
  /** Ids of the models that it counts for. Absent: all. */
  readonly models?: RegExp
  /** What the endpoint takes of a request. */
  readonly fields: readonly string[]
  /** Fields of a request that become input, and that it does not take. */
  readonly notCounted: readonly string[]
  /** Finds the count in its answer. */
  readonly find: (answer: unknown) => unknown
}

/** The kinds of providers that count. MiniMax's path is not known, and compatible hosts have none in common. */
export const countWays: Readonly<Partial<Record<ProviderConfig['kind'], CountWay>>> = {
  // platform.openai.com/docs/api-reference/responses/input-tokens
  openai: {
    path: '/responses/input_tokens',
    fields: [
      'input',
      'instructions',
      'model',
      'parallel_tool_calls',
      'previous_response_id',
      'reasoning',
      'text',
      'tool_choice',
      'tools',
      'truncation',
    ],
    notCounted: [],
    find: answer => foreign<'input_tokens'>(answer)?.input_tokens,
  },
  // docs.z.ai/api-reference/tools/tokenizer: these three models and no others.
  glm: {
    path: '/tokenizer',
    models: /^glm-(?:4\.6v?|4\.5)$/,
    fields: ['model', 'messages', 'tools'],
    notCounted: [],
    find(answer) {
      const usage = foreign<'total_tokens' | 'prompt_tokens'>(foreign<'usage'>(answer)?.usage)
      return usage?.total_tokens ?? usage?.prompt_tokens
    },
  },
  // platform.moonshot.ai/docs/api/estimate
  kimi: {
    path: '/tokenizers/estimate-token-count',
    fields: ['model', 'messages'],
    notCounted: ['tools', 'response_format'],
    find: answer => foreign<'total_tokens'>(foreign<'data'>(answer)?.data)?.total_tokens,
  },
}

/** What a counter is made from. */
export interface UpstreamCounterDeps {
  /** Id of the provider, what its errors mean, and how its texts are cleaned of keys. */
  readonly upstream: Omit<Upstream, 'model'>
  /** Absent for a kind that does not count. */
  readonly way: CountWay | undefined
  readonly access: Access
  readonly clock: Clock
  /** How long a chat may be held up, in milliseconds. Default 5000. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 5000
const ANSWER_BYTES_MAX = 64 * 1024

/** Makes a counter. */
export function createUpstreamCounter(deps: UpstreamCounterDeps): UpstreamCounter {
  const { upstream, way, access, timeoutMs = TIMEOUT_MS } = deps
  const { provider } = upstream

  async function ask({ path, fields, find }: CountWay, body: Fields, signal: AbortSignal): Promise<number> {
    const taken = fields.filter(name => body[name] !== undefined).map(name => [name, body[name]])
    const response = await access.http.post({
      path,
      headers: { ...access.headers, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(Object.fromEntries(taken)),
      signal,
    })
    const answer = await readAnswer(deps, response, modelOf(body))
    const tokens = find(answer)
    if (typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0) return tokens
    throw new GatewayError('UPSTREAM_BROKEN', `${provider} sent no count of tokens`, { provider })
  }

  return {
    async count(body, signal) {
      const model = modelOf(body)
      if (way === undefined) return { tokens: undefined, reason: `${provider} counts no tokens` }
      if (way.models?.test(model) === false)
        return { tokens: undefined, reason: `${provider} counts no tokens for ${model}` }
      const timer = AbortSignal.timeout(timeoutMs)
      try {
        const tokens = await ask(way, body, AbortSignal.any([signal, timer]))
        return { tokens, notCounted: way.notCounted.filter(name => body[name] !== undefined) }
      } catch (error) {
        if (timer.aborted && !signal.aborted)
          return { tokens: undefined, reason: `${provider} did not count within ${timeoutMs} ms` }
        const fault = GatewayError.from(error)
        return { tokens: undefined, reason: fault.message, fault }
      }
    },
  }
}

async function readAnswer(
  { upstream: given, clock }: UpstreamCounterDeps,
  response: UpstreamResponse,
  model: string,
): Promise<unknown> {
  const upstream: Upstream = { ...given, model }
  const { status, headers } = response
  try {
    const body = parsed(await response.head(ANSWER_BYTES_MAX))
    const complaint = readComplaint(body, upstream.dialect)
    if (status === 200 && complaint === undefined) return body
    const wait = retryDelayMs(headers, clock.now())
    throw refusal(upstream, complaint, {
      ...(status === 200 ? {} : { status }),
      ...(wait === undefined ? {} : { retryDelayMs: wait }),
    })
  } finally {
    response.close()
  }
}

const modelOf = ({ model }: Fields): string => (typeof model === 'string' ? model : '')

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Then there is no count in it, and the status says what is wrong.
    return undefined
  }
}
