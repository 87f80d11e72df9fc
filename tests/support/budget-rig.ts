// Services with a budget that is known to the token, calls that race for it, and what the ledger and Redis say afterwards.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Code, ConnectError } from '@connectrpc/connect'
import { onTestFinished } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { chatClient, infoOf, question, speeches } from './clients.ts'
import type { RedisServer } from './redis-rig.ts'
import { type Service, startService } from './running-server.ts'
import type { Upstream } from './upstream/server.ts'

/** Tokens of every answer: the double writes more words than that and stops at the cap. */
export const CALL_TOKENS = 10
/** The price of a token in nano-USD: one US dollar for a million, and the input is free. */
const TOKEN_NANO_USD = 1_000
/** What each call costs, and may cost at most. */
export const CALL_NANO_USD = CALL_TOKENS * TOKEN_NANO_USD

const TEXT = 'one two three four five six seven eight nine ten eleven twelve'

/** A service, and the folder with its ledger. */
export interface BudgetService {
  readonly service: Service
  /** Starts it once more, when it has ended. */
  again(): Promise<Service>
  /** What its ledger has booked, in nano-USD. */
  booked(): number
  /** How many lines of it cost something: refused calls have one, too. */
  lines(): number
}

/** Starts a service whose tenants may spend so much a month. */
export async function startWithBudget(
  upstream: Upstream,
  nanoUsd: number,
  redis?: RedisServer,
): Promise<BudgetService> {
  const folder = await mkdtemp(join(tmpdir(), 'exai-budget-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'exai.yaml')
  await writeFile(
    file,
    [
      'models: [{ provider: openai, id: test-model, input_price: 0, output_price: 1 }]',
      `limits: { tenants: { default: { month_budget_usd: ${(nanoUsd / 1e9).toFixed(9)} } } }`,
    ].join('\n'),
  )
  const start = async (): Promise<Service> => {
    const service = await startService({
      DATA_DIR: join(folder, 'data'),
      EXAI_CONFIG: file,
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    })
    onTestFinished(async () => void (await service.stop('SIGKILL')))
    return service
  }
  const ask = (what: string): number => {
    using db = new DatabaseSync(join(folder, 'data', 'exai.db'), { readOnly: true })
    return Number(db.prepare(`SELECT ${what} AS number FROM ledger`).get()?.['number'] ?? 0)
  }
  return {
    service: await start(),
    again: start,
    booked: () => ask('sum(nano_usd)'),
    lines: () => ask('sum(nano_usd > 0)'),
  }
}

/** How a racing call ended. */
export type RaceEnd = 'passed' | 'spent' | 'cancelled' | 'lost' | string

/** How many connections carry the calls to a service: one alone has too few streams. */
const CONNECTIONS = 10

/** What a racer may be told. */
export interface RaceOptions {
  /** How many, half of them streams. */
  readonly calls: number
  /** Which services are asked, in turn. */
  readonly services: readonly Service[]
  /** After how many milliseconds a call is left, by its number. Absent: never. */
  readonly leaveAfterMs?: (call: number) => number | undefined
  /** What stands in front of the text, such as a fault that makes the answer slow. */
  readonly fault?: string
}

/** Sends all calls at once. */
export async function race({ calls, services, leaveAfterMs, fault = '' }: RaceOptions): Promise<RaceEnd[]> {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  const clients = services.map(({ url }) =>
    Array.from({ length: CONNECTIONS }, () => chatClient(speech, url)),
  )
  return Promise.all(
    Array.from({ length: calls }, async (_, call): Promise<RaceEnd> => {
      const own = clients[call % services.length] ?? []
      const client = own[Math.floor(call / services.length) % CONNECTIONS]
      if (client === undefined) throw new Error('there is no service')
      const leaving = new AbortController()
      const afterMs = leaveAfterMs?.(call)
      const timer = afterMs === undefined ? undefined : setTimeout(() => leaving.abort(), afterMs)
      const asked = question('openai/test-model', `${fault}${TEXT}`, { maxOutputTokens: CALL_TOKENS })
      // Half of each service's calls are streams.
      const isStream = Math.floor(call / services.length) % 2 === 1
      const options = { signal: leaving.signal }
      try {
        if (!isStream) await client.complete(asked, options)
        else for await (const _event of client.streamComplete(asked, options));
        return 'passed'
      } catch (caught) {
        // Only who left was cancelled: a connection may break with the same code.
        const end = endOf(ConnectError.from(caught))
        return end === 'cancelled' && !leaving.signal.aborted ? 'lost' : end
      } finally {
        clearTimeout(timer)
      }
    }),
  )
}

/** Asks for an answer of so many tokens. */
export async function askFor(service: Service, tokens: number): Promise<RaceEnd> {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  try {
    const words = `${TEXT} `.repeat(Math.ceil(tokens / 10))
    await chatClient(speech, service.url).complete(
      question('openai/test-model', words, { maxOutputTokens: tokens }),
    )
    return 'passed'
  } catch (caught) {
    return endOf(ConnectError.from(caught))
  }
}

function endOf(error: ConnectError): RaceEnd {
  if (infoOf(error)?.reason === ErrorReason.BUDGET_SPENT) return 'spent'
  if (error.code === Code.Canceled) return 'cancelled'
  return error.code === Code.Unavailable || error.code === Code.Aborted ? 'lost' : error.message
}

/** How many ended in which way. */
export function tally(ends: readonly RaceEnd[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const end of ends) counts[end] = (counts[end] ?? 0) + 1
  return counts
}

/** Tokens that a budget still pays after so much was booked. */
export const tokensLeft = (budgetNanoUsd: number, bookedNanoUsd: number): number =>
  (budgetNanoUsd - bookedNanoUsd) / TOKEN_NANO_USD

/** What Redis holds of the budget: for good, and for holders. */
export async function budgetIn(redis: RedisServer): Promise<{ settled: number; held: number }> {
  const month = new Date().toISOString().slice(0, 7)
  const key = `exai:{counters}:limit:default::month_budget::${month}`
  const answer = await redis.ask('HMGET', key, 'settled', 'held')
  // A field that is not there is $-1.
  const [settled, held] = [...answer.matchAll(/\$(?:-1|\d+\r\n(\d+))/g)].map(([, text = '0']) => text)
  return { settled: Number(settled), held: Number(held) }
}
