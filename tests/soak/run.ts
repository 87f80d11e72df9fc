// The soak: a service under mixed traffic with faults for as long as one likes, looked at every few seconds, and judged at the end.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Asked } from '../support/doors/door.ts'
import { type DoorName, doors } from '../support/doors/features.ts'
import { type Ending, startServiceBy } from '../support/running-server.ts'
import { type Chance, createChance } from '../support/seeded.ts'
import { root } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import { dawdling, erring, filing, listing, watching } from './besides.ts'
import { type Balance, openBooks, PRICES } from './books.ts'
import { GAUGE_FILE } from './gauge.ts'
import { type Course, judge } from './judge.ts'
import { runOpenLoop } from './open-loop.ts'
import { type Sample, takeSample } from './samples.ts'
import { noteSockets, type SocketNotes } from './sockets.ts'
import { asking, conversing, type Deed, failing, leaving, repeating, resuming, streaming } from './traffic.ts'

/** How long, and how much. */
export interface SoakOptions {
  readonly seconds: number
  /** Calls that begin in a second. */
  readonly ratePerSecond: number
  readonly seed: number
  readonly sampleSeconds?: number
  /** Calls before the first look, so that what is remembered of the last ten thousand is full. Default: 12,000. */
  readonly calls?: number
  /** Told of each look. */
  readonly onSample?: (sample: Sample) => void
}

/** What came of it. */
export interface SoakReport {
  readonly samples: readonly Sample[]
  readonly courses: readonly Course[]
  /** Calls that came to their right end, by kind, and those that did not begin because too many were running. */
  readonly calls: Readonly<Record<string, number>>
  readonly skipped: number
  /** What came and must not; the first hundred. */
  readonly mistakes: readonly string[]
  /** Before the traffic, and when everything had ended. */
  readonly before: Sample
  readonly after: Sample
  readonly balance: Balance
  readonly ending: Ending
}

const SAMPLE_SECONDS = 5
const WARM_CALLS = 12_000
const WARM_RATE = 250
const IN_FLIGHT_MAX = 300
const MISTAKES_MAX = 100
/** What the last calls and their resume windows take to end. */
const REST_MS = 30_000
/** What connections take to close. */
const CLOSING_MS = 1_000
/** The part of the time in which caches, compiled code and pools may still grow. */
const WARM_SHARE = 0.2

/** Of a hundred calls. */
const MIX: readonly (readonly [name: string, deed: Deed, share: number])[] = [
  ['ask', asking, 38],
  ['stream', streaming, 18],
  ['leave', leaving, 12],
  ['converse', conversing, 6],
  ['repeat', repeating, 3],
  ['resume', resuming, 5],
  ['fault', failing, 7],
  ['mistake', erring, 4],
  ['file', filing, 3],
  ['slow reader', dawdling, 1],
  ['watch', watching, 2],
  ['list', listing, 1],
]

/** Runs it. Ends everything that it has started. Rejects when the service dies. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'exai-soak-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const [good, shaky] = [await startUpstream(), await startUpstream({ name: 'shaky' })]
  stack.defer(good.close)
  stack.defer(shaky.close)
  const gaugeFile = join(folder, 'gauge')
  await writeFile(join(folder, 'exai.yaml'), configOf(shaky.url))
  const service = await startServiceBy(
    process.execPath,
    ['--expose-gc', '--import', join(root, 'tests/soak/gauge.ts'), join(root, 'src/main.ts')],
    {
      cwd: folder,
      isCovered: false,
      env: {
        PORT: '0',
        WORKERS: '1',
        DATA_DIR: join(folder, 'data'),
        OPENAI_API_KEY: 'test-key',
        OPENAI_BASE_URL: good.url,
        // What was recorded of a call is kept until its time would have been over.
        REQUEST_TIMEOUT: '60',
        // Long enough for a provider that shares a busy machine, and short enough for one that is silent.
        CONNECT_TIMEOUT: '15',
        FIRST_TOKEN_TIMEOUT: '15',
        IDLE_TIMEOUT: '15',
        EXAI_CONFIG: join(folder, 'exai.yaml'),
        [GAUGE_FILE]: gaugeFile,
      },
    },
  )
  let ending: Ending | undefined
  stack.defer(async () => {
    if (ending === undefined) await service.stop('SIGKILL')
  })
  const load = createLoad(service.url, options, stack.use(noteSockets()))
  const startMs = performance.now()
  const look = (): Promise<Sample> =>
    takeSample(
      { pid: service.pid, url: service.url, gaugeFile },
      (performance.now() - startMs) / 1_000,
      load.inFlight(),
    )
  await warmUp(service.port, options.calls ?? WARM_CALLS)
  const before = await look()
  const samples: Sample[] = []
  const begunMs = performance.now()
  const traffic = load.run()
  for (;;) {
    await sleep((options.sampleSeconds ?? SAMPLE_SECONDS) * 1_000)
    if (performance.now() - begunMs > options.seconds * 1_000) break
    const sample = await look()
    samples.push(sample)
    options.onSample?.(sample)
  }
  load.stop()
  await traffic
  await sleep(Math.min(REST_MS, options.seconds * 1_000))
  // As providers do some time; connections that are kept for the next call are no leak.
  for (const upstream of [good, shaky]) upstream.closeIdleSockets()
  await sleep(CLOSING_MS)
  const after = await look()
  service.signal('SIGTERM')
  ending = await service.ended
  return {
    samples,
    courses: judge(samples.slice(Math.floor(samples.length * WARM_SHARE))),
    ...load.told(),
    before,
    after,
    balance: load.books.balance(join(folder, 'data')),
    ending,
  }
}

function createLoad(url: string, { ratePerSecond, seed }: SoakOptions, sockets: SocketNotes) {
  const chance = createChance(seed)
  const books = openBooks()
  const target = { url }
  // Its entries are those of the table of doors.
  const opened = Object.fromEntries(
    Object.entries(doors).map(([name, door]) => [name, door.to(target)]),
  ) as Record<DoorName, Asked>
  const running = new Set<Promise<void>>()
  const calls: Record<string, number> = {}
  const mistakes: string[] = []
  let skipped = 0
  let isOver = false
  let number = 0

  function begin(): void {
    const [name, deed] = pick(chance)
    if (running.size >= IN_FLIGHT_MAX) {
      skipped += 1
      return
    }
    number += 1
    const own = number
    const place = {
      url,
      doors: opened,
      chance: createChance(chance.below(2 ** 31)),
      books,
      mark: `soak ${own}`,
    }
    const call = deed(place)
      .then(
        () => {
          calls[name] = (calls[name] ?? 0) + 1
        },
        (error: unknown) => {
          if (mistakes.length < MISTAKES_MAX) mistakes.push(`${name} ${own}: ${causeOf(error, sockets)}`)
        },
      )
      .finally(() => running.delete(call))
    running.add(call)
  }

  return {
    books,
    inFlight: () => running.size,
    told: () => ({ calls, skipped, mistakes }),
    async run(): Promise<void> {
      const startMs = performance.now()
      for (let due = 0; !isOver; due += 1) {
        const waitMs = startMs + (due * 1_000) / ratePerSecond - performance.now()
        if (waitMs > 0) await sleep(waitMs)
        if (!isOver) begin()
      }
      await Promise.all(running)
    },
    stop(): void {
      isOver = true
    },
  }
}

function pick(chance: Chance): (typeof MIX)[number] {
  const all = MIX.reduce((sum, [, , share]) => sum + share, 0)
  let left = chance.below(all)
  for (const kind of MIX) {
    left -= kind[2]
    if (left < 0) return kind
  }
  throw new Error('the shares are wrong')
}

async function warmUp(port: number, calls: number): Promise<void> {
  if (calls === 0) return
  const body = JSON.stringify({
    model: 'sandbox',
    messages: [{ role: 'ROLE_USER', content: [{ text: 'hi' }] }],
  })
  const request = Buffer.from(
    `POST /exai.v1.ChatService/Complete HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  const told = await runOpenLoop({
    port,
    request,
    ratePerSecond: WARM_RATE,
    seconds: calls / WARM_RATE,
    connections: 50,
  })
  const refused = told.filter(({ status }) => status !== 200)
  if (refused.length > 0)
    throw new Error(`${refused.length} calls of the warm-up failed: ${refused[0]?.body}`)
}

function configOf(shakyUrl: string): string {
  const price = `input_price: ${PRICES.input}, output_price: ${PRICES.output}`
  return `models:
  - { provider: openai, id: test-model, ${price} }
providers:
  - name: shaky
    kind: openai-compatible
    base_url: ${shakyUrl}
    api_key: test-key
    models: [{ id: test-model, ${price} }]
limits:
  tenants: { default: { concurrent_calls: ${IN_FLIGHT_MAX * 2} } }
`
}

/** What failed and, where fetch says no more than that it failed, why and on which connection. */
function causeOf(error: unknown, sockets: SocketNotes): string {
  const what =
    error instanceof Error && error.cause !== undefined ? `${error}: ${error.cause}` : String(error)
  return [what, sockets.of(error)].filter(Boolean).join(' – ')
}
