// Kills the service, PostgREST, Postgres and Redis with -9 while clients chat and have files, and counts afterwards what is there.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Swept } from '../../src/files/sweep.ts'
import { transportTo } from './chaos-calls.ts'
import { startChats } from './chaos-chats.ts'
import { type ChaosCount, countProject, countStore, numberIn } from './chaos-count.ts'
import { startFiles } from './chaos-files.ts'
import { speeches } from './clients.ts'
import { startRedis } from './redis-rig.ts'
import { type Service, startService } from './running-server.ts'
import { createChance } from './seeded.ts'
import { startStorage } from './storage-double.ts'
import { startSupabase } from './supabase-rig.ts'
import { sweepLater } from './sweep-later.ts'
import { startUpstream } from './upstream/openai.ts'

/** How much chaos there is. */
export interface ChaosOptions {
  readonly seconds: number
  /** The same seed kills the same things in the same order. */
  readonly seed: number
  /** Whether the calls are turns of conversations. Default: yes. */
  readonly conversations?: boolean
  /** Whether a Redis is there, which is killed, too, and empty afterwards. Default: yes. */
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
  /** Files that a client was told are kept, their bytes, and how many of them it was told are deleted. */
  readonly uploads: number
  readonly uploadedBytes: number
  readonly deletes: number
  /** Files that were downloaded, every byte as it was sent. */
  readonly downloads: number
  /** What was left to be freed when everything had ended. */
  readonly swept: Swept
  /** How what was acknowledged stands on the machine and in the project after that. */
  readonly store: ChaosCount
  readonly project: ChaosCount
  /** Rows that the project refused for good. */
  readonly deadLetters: number
  /** From the end of the load until everything had arrived in the project, in milliseconds. */
  readonly arrivedMs: number
}

const ARRIVAL_MS = 120_000

/** Runs it. Ends everything that it has started. */
export async function runChaos({
  seconds,
  seed,
  conversations = true,
  redis = true,
}: ChaosOptions): Promise<ChaosReport> {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-chaos-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const upstream = await startUpstream()
  stack.defer(upstream.close)
  const storage = await startStorage()
  stack.defer(storage.stop)
  const project = await startSupabase({ durable: true, storagePort: storage.port })
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

  const url = (): string => service.url
  const chats = startChats(transportTo(url, speeches[0]), conversations ? 'new' : '')
  const files = startFiles(
    FILE_SPEECHES.map(name =>
      transportTo(
        url,
        speeches.find(speech => speech.name === name),
      ),
    ),
    seed,
  )
  const kills = await killAtRandom({ seconds, seed }, targetsOf())
  await Promise.all([chats.stop(), files.stop()])
  const endedAt = performance.now()
  await untilArrived(dataDir)
  const arrivedMs = performance.now() - endedAt
  // The last one is as sudden as the others.
  await service.stop('SIGKILL')
  const supabase = { url: project.url, key: project.key }
  const swept = await sweepLater({ dataDir, supabase }, () => untilArrived(dataDir))
  // The last one in each: those before it are of earlier turns.
  const keys = upstream.requests.flatMap(
    ({ rawBody }) =>
      String(rawBody)
        .match(/key-\d+-\d+/g)
        ?.at(-1) ?? [],
  )
  const told = { answers: chats.answers, files: files.files }
  return {
    kills,
    acknowledged: chats.answers.length,
    turns: chats.answers.filter(({ conversationId }) => conversationId !== '').length,
    replayed: chats.answers.filter(({ isReplayed }) => isReplayed).length,
    unknown: chats.unknown(),
    askedTwice: keys.length - new Set(keys).size,
    uploads: files.files.length,
    uploadedBytes: files.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    deletes: files.files.filter(({ isDeleted }) => isDeleted).length,
    downloads: files.downloads(),
    swept,
    store: await countStore(dataDir, told),
    project: await countProject(project, storage.objects(), told),
    deadLetters: numberIn(dataDir, 'SELECT count(*) FROM outbox_dead'),
    arrivedMs,
  }

  function targetsOf(): Targets {
    return {
      postgrest: project.rest,
      // With a Redis a client waits for seconds before it is told that its key is lost: early, and not before anybody has asked.
      service: {
        kill: async () => void (await service.stop('SIGKILL')),
        restart: async () => {
          service = await start()
        },
      },
      postgres: project.postgres,
      ...(store === undefined ? {} : { redis: store }),
    }
  }
}

/** Both ways in which a client can send a stream. */
const FILE_SPEECHES = ['gRPC over HTTP/2', 'Connect over HTTP/2']

interface Target {
  kill(): Promise<void>
  restart(): Promise<void>
}
type Targets = Readonly<Record<string, Target>>

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

async function untilArrived(dataDir: string): Promise<void> {
  const endsAt = performance.now() + ARRIVAL_MS
  while (numberIn(dataDir, 'SELECT count(*) FROM outbox') > 0) {
    if (performance.now() > endsAt) throw new Error('not everything has arrived in the project in time')
    await sleep(50)
  }
}
