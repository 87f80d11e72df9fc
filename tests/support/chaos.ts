// Kills the service, PostgREST, Postgres and Redis with -9 while clients ask and retry, and counts afterwards what is there.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Code, ConnectError } from '@connectrpc/connect'
import { chatClient, question, speeches } from './clients.ts'
import { type RedisServer, startRedis } from './redis-rig.ts'
import { type Service, startService } from './running-server.ts'
import { createChance } from './seeded.ts'
import { type SupabaseRig, startSupabase } from './supabase-rig.ts'
import { startUpstream } from './upstream/openai.ts'

/** How much chaos there is. */
export interface ChaosOptions {
  readonly seconds: number
  /** The same seed kills the same things in the same order. */
  readonly seed: number
  /** Whether the calls are turns of conversations. Default: yes. */
  readonly conversations?: boolean
  /** Whether a Redis is there, and killed too. */
  readonly redis?: boolean
}

/** What came of it. */
export interface ChaosReport {
  /** How often each part was killed. */
  readonly kills: Readonly<Record<string, number>>
  /** Answers that a client has got. */
  readonly acknowledged: number
  /** Answers among them whose turn was kept in a conversation. */
  readonly turns: number
  /** Answers among them that came to a retry of their key. */
  readonly replayed: number
  /** Keys that were answered with OUTCOME_UNKNOWN: their process died within the call. */
  readonly unknown: number
  /** Keys for which the provider was asked more than once. */
  readonly askedTwice: number
  /** How the acknowledged answers stand in the embedded store and in the project. */
  readonly store: ChaosCount
  readonly project: ChaosCount
  /** Rows that the project refused for good. */
  readonly deadLetters: number
  /** From the end of the killing until everything had arrived in the project, in milliseconds. */
  readonly arrivedMs: number
}

/** How many acknowledged answers are not there, and how many things are there twice. */
export interface ChaosCount {
  readonly lostLines: number
  readonly lostTurns: number
  readonly twice: number
}

interface Acknowledged {
  readonly responseId: string
  readonly conversationId: string
  readonly isReplayed: boolean
}

const CLIENTS = 8
/** Milliseconds that a client waits after an answer, and after a failure. */
const PAUSE_MS = 20
const RETRY_MS = 100
const ARRIVAL_MS = 60_000
/** Turns of a conversation before a client begins another one. */
const TURNS = 5

const MODEL = 'openai/test-model'
/** What a client can do about: ask again with the same key. */
const AGAIN: readonly Code[] = [
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Canceled,
  Code.Unknown,
  Code.Internal,
]

/** Runs it. Ends everything that it has started. */
export async function runChaos({
  seconds,
  seed,
  conversations = true,
  redis = false,
}: ChaosOptions): Promise<ChaosReport> {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-chaos-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const upstream = await startUpstream()
  stack.defer(upstream.close)
  const project = await startSupabase({ durable: true })
  stack.defer(project.stop)
  const store = redis ? await startRedis() : undefined
  stack.defer(async () => store?.stop())
  const start = (): Promise<Service> =>
    startService({
      DATA_DIR: dataDir,
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      SUPABASE_URL: project.url,
      SUPABASE_KEY: project.key,
      ...(store === undefined ? {} : { REDIS_URL: store.url }),
    })
  let service = await start()
  stack.defer(async () => void (await service.stop('SIGKILL')))

  const load = startLoad(() => service.url, conversations ? 'new' : '')
  const kills = await killAtRandom({ seconds, seed }, targetsOf())
  await load.stop()
  const endedAt = performance.now()
  await untilArrived(dataDir)
  const arrivedMs = performance.now() - endedAt
  // The last one: those before it are of earlier turns.
  const keys = upstream.requests.flatMap(
    ({ rawBody }) =>
      rawBody
        .toString()
        .match(/key-\d+-\d+/g)
        ?.at(-1) ?? [],
  )
  return {
    kills,
    acknowledged: load.answers.length,
    turns: load.answers.filter(({ conversationId }) => conversationId !== '').length,
    replayed: load.answers.filter(({ isReplayed }) => isReplayed).length,
    unknown: load.unknown(),
    askedTwice: keys.length - new Set(keys).size,
    store: countStore(dataDir, load.answers),
    project: await countProject(project, load.answers),
    deadLetters: numberIn(dataDir, 'SELECT count(*) AS n FROM outbox_dead'),
    arrivedMs,
  }

  function targetsOf(): Targets {
    return {
      service: {
        kill: async () => void (await service.stop('SIGKILL')),
        restart: async () => {
          service = await start()
        },
      },
      postgrest: project.rest,
      postgres: project.postgres,
      ...(store === undefined ? {} : { redis: redisTarget(store) }),
    }
  }
}

interface Target {
  kill(): Promise<void>
  restart(): Promise<void>
}
type Targets = Readonly<Record<string, Target>>

function redisTarget(server: RedisServer): Target {
  return { kill: server.kill, restart: server.restart }
}

/** Kills one at a time, and starts it again after a moment; gives how often it killed each. */
async function killAtRandom(
  { seconds, seed }: ChaosOptions,
  targets: Targets,
): Promise<Record<string, number>> {
  const chance = createChance(seed)
  const names = Object.keys(targets)
  const kills: Record<string, number> = Object.fromEntries(names.map(name => [name, 0]))
  const endsAt = performance.now() + seconds * 1000
  // Each of them once at least, however slow the machine is.
  for (let round = 0; round < names.length || performance.now() < endsAt; round += 1) {
    await sleep(200 + chance.below(1_500))
    const name = names[round < names.length ? round : chance.below(names.length)] ?? ''
    await targets[name]?.kill()
    kills[name] = (kills[name] ?? 0) + 1
    await sleep(chance.below(700))
    await targets[name]?.restart()
  }
  return kills
}

/** Clients that ask, and ask again with the same key whatever happens, until they have an answer or know that there is none. */
function startLoad(url: () => string, beginning: string) {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  const answers: Acknowledged[] = []
  let unknown = 0
  let isOver = false
  const clients = new Map<string, ReturnType<typeof chatClient>>()
  const client = () => {
    const now = url()
    const found = clients.get(now) ?? chatClient(speech, now)
    clients.set(now, found)
    return found
  }

  /** Gives the answer to a key; undefined when nobody knows it. */
  async function answerTo(key: string, conversationId: string): Promise<Acknowledged | undefined> {
    for (;;) {
      try {
        const answer = await client().complete(
          question(MODEL, `${key} say hello`, { idempotencyKey: key, conversationId }),
          { timeoutMs: 10_000 },
        )
        return {
          responseId: answer.id,
          conversationId: answer.conversationId,
          isReplayed: answer.replayed,
        }
      } catch (caught) {
        const { code, message } = ConnectError.from(caught)
        if (code === Code.Aborted) return undefined
        if (!AGAIN.includes(code)) throw new Error(`${key}: ${message}`, { cause: caught })
        await sleep(RETRY_MS)
      }
    }
  }

  async function run(number: number): Promise<void> {
    let conversationId = beginning
    for (let call = 0; !isOver; call += 1) {
      if (call % TURNS === 0) conversationId = beginning
      const answer = await answerTo(`key-${number}-${call}`, conversationId)
      if (answer === undefined) unknown += 1
      else {
        answers.push(answer)
        if (answer.conversationId !== '') conversationId = answer.conversationId
      }
      await sleep(PAUSE_MS)
    }
  }

  const runs = Promise.all(Array.from({ length: CLIENTS }, (_, number) => run(number)))
  // Told at the end; until then nobody listens.
  runs.catch(() => undefined)
  return {
    answers,
    unknown: () => unknown,
    async stop() {
      isOver = true
      await runs
    },
  }
}

async function untilArrived(dataDir: string): Promise<void> {
  const endsAt = performance.now() + ARRIVAL_MS
  while (numberIn(dataDir, 'SELECT count(*) AS n FROM outbox') > 0) {
    if (performance.now() > endsAt) throw new Error('not everything has arrived in the project in time')
    await sleep(50)
  }
}

function numberIn(dataDir: string, sql: string): number {
  return Number(rowsIn(dataDir, sql)[0]?.['n'])
}

function rowsIn(dataDir: string, sql: string): readonly Record<string, unknown>[] {
  using db = new DatabaseSync(join(dataDir, 'exai.db'), { readOnly: true })
  return db.prepare(sql).all()
}

const LINES = 'SELECT response_id AS id, count(*) AS n FROM'

function countStore(dataDir: string, answers: readonly Acknowledged[]): ChaosCount {
  return countOf(answers, {
    lines: rowsIn(dataDir, `${LINES} ledger GROUP BY response_id`),
    turns: rowsIn(dataDir, `${LINES} messages WHERE role = 'assistant' GROUP BY response_id`),
  })
}

async function countProject({ sql }: SupabaseRig, answers: readonly Acknowledged[]): Promise<ChaosCount> {
  return countOf(answers, {
    lines: await sql(`${LINES} usage_ledger GROUP BY response_id`),
    turns: await sql(`${LINES} messages WHERE role = 'assistant' GROUP BY response_id`),
  })
}

type Counted = readonly Readonly<Record<string, unknown>>[]

function countOf(
  answers: readonly Acknowledged[],
  { lines, turns }: { readonly lines: Counted; readonly turns: Counted },
): ChaosCount {
  // The project keeps UUIDs without what stands before them here.
  const bare = (id: unknown): string => String(id).replace('resp_', '')
  const has = (rows: Counted): ReadonlySet<string> => new Set(rows.map(({ id }) => bare(id)))
  const [lineIds, turnIds] = [has(lines), has(turns)]
  const kept = answers.filter(({ conversationId }) => conversationId !== '')
  return {
    lostLines: answers.filter(({ responseId }) => !lineIds.has(bare(responseId))).length,
    lostTurns: kept.filter(({ responseId }) => !turnIds.has(bare(responseId))).length,
    twice: [...lines, ...turns].filter(({ n }) => Number(n) > 1).length,
  }
}
