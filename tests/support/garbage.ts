// Opens and closes exchanges, 16 at a time, and says how often the whole heap had to be collected: a program of its own.
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { DEFAULT_CALLER } from '../../src/core/caller.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Log } from '../../src/core/log.ts'
import { createExchanges } from '../../src/server/exchange.ts'
import { createRecentCalls } from '../../src/status/recent-calls.ts'

const CALLS = 80_000
const AT_ONCE = 16
const OBJECTS = 400

const nothing = (): void => {
  // Nobody reads it.
}
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const exchanges = createExchanges({
  log,
  clock: systemClock,
  metrics: { callEnded: nothing },
  calls: createRecentCalls({ onEvent: nothing, endedMax: 10 }),
  requestTimeoutMs: 600_000,
})
const asked = {
  door: 'connect',
  method: 'exai.v1.ChatService/Complete',
  protocol: 'connect',
  isCounted: true,
  isWatch: false,
}

let whole = 0
const observer = new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as { detail?: { kind?: number } }).detail ?? {}
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole += 1
  }
})
observer.observe({ entryTypes: ['gc'] })

/** What a call works with: about 20 KB that only it needs. */
async function call(number: number): Promise<void> {
  const exchange = exchanges.open(undefined, `call-${number}`, asked)
  exchange.identify(DEFAULT_CALLER)
  const own = Array.from({ length: OBJECTS }, (_, index) => ({ index }))
  const listener = (): number => own.length
  exchange.signal.addEventListener('abort', listener)
  for (let turns = 0; turns < 8; turns += 1) await turn()
  exchange.signal.removeEventListener('abort', listener)
  exchange.note({ attempts: own.length })
  exchange.close()
}

async function line(first: number): Promise<void> {
  for (let number = first; number < CALLS; number += AT_ONCE) await call(number)
}

await Promise.all(Array.from({ length: AT_ONCE }, (_, first) => line(first)))
await turn()
process.stdout.write(`${whole}`)
