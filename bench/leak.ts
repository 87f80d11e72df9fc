// `npm run leak`: leaves many streams at random moments, and looks whether sockets, timers or memory stay behind.
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Left, leave, type Manner } from './cancel.ts'
import { openHttp1 } from './http1-client.ts'
import { openHttp2 } from './http2-client.ts'
import { describeLeaks, faultsOf, type LeakFindings } from './leak-report.ts'
import type { Holdings } from './leak-server.ts'
import { type LeakUpstream, startLeakUpstream } from './leak-upstream.ts'
import { describeMachine } from './machine.ts'
import type { Kind } from './payload.ts'
import { answerOf, root, startChild, stopChild } from './processes.ts'
import { createRandom } from './random.ts'
import { writeBetween } from './report.ts'
import { checkAnswer, http1Bytes, type Protocol, requestOf } from './wire.ts'

type Round = {
  readonly left: readonly { readonly call: number; readonly what: Left }[]
  readonly after: Holdings
  readonly openUpstream: number
}

const PROTOCOLS: readonly Protocol[] = ['grpc', 'grpc-web', 'connect']
const MANNERS: readonly Manner[] = ['reset', 'destroy']
// A stream that has not begun is left by another path than a running one.
const KINDS: readonly Kind[] = ['paced', 'paced', 'silent']
// Far from what keeps a core busy, so that the times are those of the gateway and not of a queue.
const CONCURRENT = 20
const WARM_UP = 300
const LEAVE_MS_MAX = 400
const SETTLE_MS_MAX = 5_000
const SETTLE_POLL_MS = 50
// Fast timers of undici live for about a second after their last use.
const BASELINE_MS = 1_200
// A job that happens to run at one look has no timer then, and would seem to have left one afterwards.
const BASELINE_LOOKS = 5
const BASELINE_PAUSE_MS = 100

const { values: options } = parseArgs({
  options: {
    streams: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
})
const machine = describeMachine()
const streams = Number(options.streams)
const rounds = Number(options.rounds)
const random = createRandom(Number(options.seed))
const folder = mkdtempSync(join(tmpdir(), 'exai-leak-'))
const upstream = await startLeakUpstream()
const server = startChild({
  file: 'bench/leak-server.ts',
  nodeArgs: ['--expose-gc'],
  cwd: folder,
  env: {
    OPENAI_API_KEY: 'sk-bench-00000000000000000000',
    OPENAI_BASE_URL: `http://127.0.0.1:${upstream.port}/v1`,
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: join(folder, 'data'),
  },
})
try {
  const findings = await run(server, upstream)
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(findings, null, 2))
  const faults = faultsOf(findings)
  const table = describeLeaks(findings)
  console.log(`\n${table}`)
  if (options.docs) writeBetween(join(root, 'docs/benchmarks.md'), 'leak', `${machine}.\n\n${table}`)
  console.log(faults.length === 0 ? '\nNothing leaks.' : `\nIt leaks: ${faults.join('; ')}.`)
  process.exitCode = faults.length === 0 ? 0 : 1
} finally {
  await stopChild(server)
  upstream.close()
  rmSync(folder, { recursive: true, force: true })
}

async function run(child: ChildProcess, provider: LeakUpstream): Promise<LeakFindings> {
  const { port } = await answerOf<{ port: number }>(child)
  await warmUp(port)
  await playRound(child, provider, { port, count: Math.min(WARM_UP, streams), firstCall: 1 })
  await sleep(BASELINE_MS)
  const before = await baseline(child)
  console.log(`before: ${(before.heapBytes / 2 ** 20).toFixed(2)} MiB heap, ${before.timers} timers`)
  const played: Round[] = []
  for (let index = 0; index < rounds; index += 1) {
    const count = Math.ceil((streams * (index + 1)) / rounds) - Math.ceil((streams * index) / rounds)
    const round = await playRound(child, provider, {
      port,
      count,
      firstCall: 1_000_000 + index * streams,
      before,
    })
    played.push(round)
    const { heapBytes, timers, clientSockets, upstreamSockets } = round.after
    console.log(
      `round ${index + 1}: ${count} streams left, ${(heapBytes / 2 ** 20).toFixed(2)} MiB heap, ${timers} timers, ` +
        `${clientSockets} client and ${upstreamSockets} upstream sockets`,
    )
  }
  child.send('stop')
  const exitCode = await new Promise<number | null>(resolve => child.once('exit', resolve))
  return findingsOf(played, before, provider, exitCode)
}

async function warmUp(port: number): Promise<void> {
  const client = await openHttp1(port)
  const answer = await client.call(http1Bytes(requestOf('connect', 'unary'))).finally(client.close)
  checkAnswer('connect', 'unary', answer, true)
}

async function playRound(
  child: ChildProcess,
  provider: LeakUpstream,
  order: {
    readonly port: number
    readonly count: number
    readonly firstCall: number
    readonly before?: Holdings
  },
): Promise<Round> {
  const { port, count, firstCall, before } = order
  const session = await openHttp2(port)
  const left: { call: number; what: Left }[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: Math.min(CONCURRENT, count) }, async () => {
      while (next < count) {
        const index = next++
        const call = firstCall + index
        // All ways are played against each other: the index counts in a mixed radix.
        const protocol = PROTOCOLS[index % PROTOCOLS.length] ?? 'connect'
        const manner = MANNERS[Math.floor(index / PROTOCOLS.length) % MANNERS.length] ?? 'reset'
        const kind = KINDS[Math.floor(index / PROTOCOLS.length / MANNERS.length) % KINDS.length] ?? 'paced'
        const afterMs = random() * LEAVE_MS_MAX
        left.push({ call, what: await leave({ port, protocol, kind, manner, call, afterMs, session }) })
      }
    }),
  )
  session.close()
  const calls = left.map(({ call }) => call)
  const open = (): number => provider.openOf(calls)
  const after = await settled(child, open, before)
  return { left, after, openUpstream: open() }
}

// Looks until nothing is left, or until it has had time enough to go.
async function settled(
  child: ChildProcess,
  open: () => number,
  before: Holdings | undefined,
): Promise<Holdings> {
  const untilMs = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const now = await measure(child)
    const timersLeft = before === undefined ? 0 : now.timers - before.timers
    const isClean = open() === 0 && now.clientSockets === 0 && timersLeft <= 0
    if (isClean || performance.now() > untilMs) return now
    await sleep(SETTLE_POLL_MS)
  }
}

// Of several looks the one that saw the most timers.
async function baseline(child: ChildProcess): Promise<Holdings> {
  let most = await measure(child)
  for (let look = 1; look < BASELINE_LOOKS; look += 1) {
    await sleep(BASELINE_PAUSE_MS)
    const now = await measure(child)
    if (now.timers > most.timers) most = now
  }
  return most
}

async function measure(child: ChildProcess): Promise<Holdings> {
  const answered = answerOf<Holdings>(child)
  child.send('measure')
  return await answered
}

function findingsOf(
  played: readonly Round[],
  before: Holdings,
  provider: LeakUpstream,
  exitCode: number | null,
): LeakFindings {
  const all = played.flatMap(round => round.left)
  const ends = all.map(({ call, what }) => ({ what, seen: provider.seen(call) }))
  const running = ends.flatMap(({ what, seen }) =>
    seen !== undefined && seen.atMs < what.atMs ? [{ what, seen }] : [],
  )
  const closeMs = running
    .flatMap(({ what, seen }) => (seen.closedAtMs === undefined ? [] : [seen.closedAtMs - what.atMs]))
    .toSorted((a, b) => a - b)
  const at = (share: number): number =>
    closeMs[Math.min(closeMs.length - 1, Math.floor(share * closeMs.length))] ?? 0
  const heapBytes = played.map(round => round.after.heapBytes)
  const last = played.at(-1)?.after ?? before
  return {
    streams: all.length,
    begun: all.filter(({ what }) => what.bytes > 0).length,
    endedBefore: all.filter(({ what }) => what.ended).length,
    reachedUpstream: ends.filter(({ seen }) => seen !== undefined).length,
    runningUpstream: running.length,
    upstreamSocketsLeft: played.reduce((sum, { openUpstream }) => sum + openUpstream, 0),
    clientSocketsLeft: last.clientSockets,
    timersLeft: Math.max(0, last.timers - before.timers),
    timerPlacesBefore: before.timerPlaces,
    timerPlaces: last.timerPlaces,
    closeMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    heapBytes,
    heapBytesPerStream: slopeOf(heapBytes) / (all.length / Math.max(1, played.length)),
    exitCode,
  }
}

// Least squares through the values at 0, 1, 2, …
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const above = values.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0)
  const below = values.reduce((sum, _, index) => sum + (index - middle) ** 2, 0)
  return below === 0 ? 0 : above / below
}
