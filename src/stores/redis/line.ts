// The line on which commands go to Redis: each has its time, and after a few failures in a row nobody waits for it any more.
import { createHash, randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import { afterReading } from '../../core/after-reading.ts'
import type { Clock } from '../../core/clock.ts'
import { failureOf, type RedisFailure } from './faults.ts'
import { LIFE_KEY, SCRIPTS, type ScriptName } from './scripts.ts'

/** What came of a command: an answer, `out` when it was not even sent, `doubt` when nobody knows whether it was done. */
export type Ran = { readonly value: unknown } | 'out' | 'doubt'

/** Runs a script. Sent at once, in the order of the calls; never rejects. */
export type Run = (
  script: ScriptName,
  keys: readonly string[],
  args: readonly (string | number | Uint8Array)[],
) => Promise<Ran>

/** What `createLine` needs. */
export interface LineDeps {
  /** The connection; it makes itself anew. Its owner closes it. */
  readonly redis: Redis
  readonly clock: Clock
  /** How long a command may take, in milliseconds. */
  readonly commandTimeoutMs: number
  /** How long nothing is tried after a failed try, in milliseconds. */
  readonly outMs: number
  /** Called before `restore` when Redis is another server or another start of it, or has lost all that it held. */
  readonly onOther: (isEmpty: boolean) => void
  /** Brings into Redis what could not be written there. Says whether it did. */
  readonly restore: (run: Run) => Promise<boolean>
  /** Whether there is something to bring. */
  readonly isBehind: () => boolean
  /** Called when it comes to work (no failure) and when it fails. */
  readonly onState: (failure: RedisFailure | undefined) => void
  /** Called after each command that was sent. */
  readonly onCommand?: ((end: CommandEnd) => void) | undefined
}

/** How a command ended. */
export interface CommandEnd {
  readonly outcome: 'ok' | RedisFailure['fault']
  readonly durationMs: number
}

/** The line. */
export interface Line {
  readonly run: Run
  isUp(): boolean
  /** What went wrong last. */
  lastFailure(): RedisFailure
  /** When Redis was last found to have lost all that it held, on the monotonic clock; minus infinity if never. */
  lostAtMs(): number
  /** Tries soon to bring what a single failed command has left behind. */
  repair(): void
  /** Resolves after the first try, whatever it gave. */
  readonly tried: Promise<void>
  /** Sends nothing any more. */
  close(): void
}

/** Failures in a row after which nothing is sent for a while. */
export const FAILURES_MAX = 3
const REPAIR_AFTER_MS = 100
// So many tries without a connection, and it is made anew: the other side may be gone without a word.
const LOST_TRIES_MAX = 3
// A command may take longer when it is large: 16 MB a second.
const BYTES_PER_MS = 16 * 1024

const TIMED_OUT: RedisFailure = { fault: 'timeout', code: '' }
const UNCONNECTED: RedisFailure = { fault: 'connection', code: '' }
const hashes = Object.entries(SCRIPTS).map(([name, lua]) => [
  name,
  createHash('sha1').update(lua).digest('hex'),
])
// The names are those of the table that it was made from.
const HASHES = Object.fromEntries(hashes) as Readonly<Record<ScriptName, string>>

/** Makes the line; it begins to work when the connection does. */
export function createLine(deps: LineDeps): Line {
  const { redis, clock, commandTimeoutMs, outMs } = deps
  const tried = Promise.withResolvers<void>()
  let isUp = false
  let isTrying = false
  let isClosed = false
  let isRepairWanted = false
  let failuresInRow = 0
  let lostTries = 0
  let lostAtMs = Number.NEGATIVE_INFINITY
  let known: { readonly life: string; readonly server: string } | undefined
  let lastFailure = UNCONNECTED
  let timer: NodeJS.Timeout | undefined

  async function send(command: string, args: readonly (string | number | Uint8Array)[]): Promise<Ran> {
    const startedAtMs = clock.monotonic()
    const end = (outcome: CommandEnd['outcome']): void =>
      deps.onCommand?.({ outcome, durationMs: clock.monotonic() - startedAtMs })
    const bytes = args.reduce<number>((sum, arg) => sum + (typeof arg === 'number' ? 8 : arg.length), 0)
    try {
      const answer = redis.callBuffer(command, args.map(toArgument))
      const value = await within(answer, commandTimeoutMs + bytes / BYTES_PER_MS)
      failuresInRow = 0
      end('ok')
      return { value }
    } catch (caught) {
      lastFailure = caught === TIMED_OUT ? TIMED_OUT : failureOf(caught)
      end(lastFailure.fault)
      failuresInRow += 1
      if (failuresInRow >= FAILURES_MAX || redis.status !== 'ready') fall()
      return 'doubt'
    }
  }

  const runNow: Run = (script, keys, args) => send('EVALSHA', [HASHES[script], keys.length, ...keys, ...args])

  function fall(): void {
    if (isClosed || !isUp) return
    isUp = false
    plan(outMs)
    deps.onState(lastFailure)
  }

  function plan(afterMs: number): void {
    clearTimeout(timer)
    if (!isClosed) timer = setTimeout(attempt, afterMs).unref()
  }

  async function isWorking(): Promise<boolean> {
    // One command first: when it hangs, only one hangs. It writes, because a replica or a full server answers everything else.
    if (typeof (await send('SET', ['exai:try', '1', 'PX', 1000])) === 'string') return false
    const loaded = await Promise.all(Object.values(SCRIPTS).map(lua => send('SCRIPT', ['LOAD', lua])))
    return !loaded.some(ran => typeof ran === 'string')
  }

  async function look(): Promise<boolean> {
    const ran = await runNow('life', [LIFE_KEY], [randomUUID()])
    if (typeof ran === 'string') return false
    const now = { life: String(ran.value), server: await serverId() }
    const before = known
    known = now
    const isEmpty = before !== undefined && before.life !== now.life
    if (isEmpty) lostAtMs = clock.monotonic()
    if (isEmpty || (before !== undefined && before.server !== now.server)) deps.onOther(isEmpty)
    return true
  }

  /** Id of this start of the server; empty when it does not tell us. */
  async function serverId(): Promise<string> {
    const info = await send('INFO', ['server'])
    return typeof info === 'string' ? '' : (/run_id:(\w+)/.exec(String(info.value))?.[1] ?? '')
  }

  async function bring(): Promise<boolean> {
    if (!(await deps.restore(runNow))) return false
    // Nothing can come in between the last look and the moment from which commands are sent again.
    while (deps.isBehind()) if (!(await deps.restore(runNow))) return false
    return !isClosed && redis.status === 'ready'
  }

  async function attempt(): Promise<void> {
    if (isTrying || isClosed) return
    isTrying = true
    isRepairWanted = false
    const wasUp = isUp
    const isConnected = redis.status === 'ready'
    const isGood = isConnected && (wasUp || ((await isWorking()) && (await look()))) && (await bring())
    isTrying = false
    if (isClosed) return
    // Who fell meanwhile begins with a look at what is there now.
    if (isGood && (isUp || !wasUp)) {
      lostTries = 0
      if (!isUp) {
        isUp = true
        failuresInRow = 0
        lastFailure = UNCONNECTED
        clearTimeout(timer)
        deps.onState(undefined)
      }
      if (isRepairWanted) plan(REPAIR_AFTER_MS)
    } else {
      if (!isUp) plan(outMs)
      else fall()
      if (redis.status !== 'reconnecting') lostTries += 1
      if (lostTries >= LOST_TRIES_MAX) {
        lostTries = 0
        redis.disconnect(true)
      }
    }
    if (isConnected) tried.resolve()
  }

  redis.on('error', caught => {
    lastFailure = failureOf(caught)
  })
  redis.on('ready', () => void attempt())
  redis.on('close', () => {
    fall()
    tried.resolve()
  })
  plan(outMs)

  return {
    run: async (script, keys, args) => (isUp ? runNow(script, keys, args) : 'out'),
    isUp: () => isUp,
    lastFailure: () => lastFailure,
    lostAtMs: () => lostAtMs,
    repair() {
      isRepairWanted = true
      if (isUp && !isTrying) plan(REPAIR_AFTER_MS)
    },
    tried: tried.promise,
    close() {
      isClosed = true
      isUp = false
      clearTimeout(timer)
      tried.resolve()
    },
  }
}

function toArgument(arg: string | number | Uint8Array): string | number | Buffer {
  return arg instanceof Uint8Array ? Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength) : arg
}

/** Waits so long. What has come by then counts, even when this process was too busy to look. */
function within(answer: Promise<unknown>, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => afterReading(() => reject(TIMED_OUT)), timeoutMs)
    answer.then(
      value => {
        clearTimeout(timer)
        resolve(value)
      },
      (caught: unknown) => {
        clearTimeout(timer)
        reject(caught)
      },
    )
  })
}
