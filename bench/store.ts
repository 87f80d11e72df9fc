// `node bench/store.ts`: what settlements on the embedded store cost the event loop, and how long their commits take.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { create } from '@bufbuild/protobuf'
import { CostSchema, Usage_Provenance, UsageSchema } from '#gen/exai/v1/usage_pb'
import { DEFAULT_CALLER } from '../src/core/caller.ts'
import { systemClock } from '../src/core/clock.ts'
import { newId, uuidv7 } from '../src/core/ids.ts'
import type { Log } from '../src/core/log.ts'
import type { Settlement } from '../src/core/settlement.ts'
import { openSqliteStore } from '../src/stores/sqlite/store.ts'
import { describeMachine } from './machine.ts'

/** What settlements cost. */
export type StoreFigures = {
  /** Settlements in a second, as they came to be. */
  readonly perSecond: number
  /** By how much the event loop was late, looked at each millisecond, in milliseconds. */
  readonly delayMs: {
    readonly p50: number
    readonly p99: number
    readonly p999: number
    readonly max: number
  }
  /** From the start of a commit to its end under this load, and one at a time. */
  readonly loadedMs: { readonly p50: number; readonly p99: number }
  readonly idleMs: { readonly p50: number; readonly p99: number }
  /** CPU of the whole process for one settlement. */
  readonly cpuMicros: number
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '5' },
    marks: { type: 'boolean', default: false },
  },
})
const [rate, seconds] = [Number(values.rate), Number(values.seconds)]

const silent = (): void => {
  // A benchmark has no log.
}
const log: Log = { debug: silent, info: silent, warn: silent, error: silent }
const folder = mkdtempSync(join(tmpdir(), 'exai-bench-'))
const store = await openSqliteStore({ path: join(folder, 'exai.db'), outbox: true, clock: systemClock, log })

// A question and an answer of about 1 to 24 KB, evenly spread in powers of two.
const texts = [1, 2, 4, 8, 16, 24].map(kilobytes =>
  'The quick brown fox jumps over the lazy dog. '.repeat(kilobytes * 23),
)
const conversations = Array.from({ length: 200 }, () => newId('conv', Date.now()))
const usage = create(UsageSchema, {
  inputTokens: 1_000,
  outputTokens: 200,
  provenance: Usage_Provenance.REPORTED,
})
const cost = create(CostSchema, { known: true, nanoUsd: 1_234_567n, priceVersion: 'p' })

function settlement(number: number): Settlement {
  const text = texts[number % texts.length] ?? ''
  const message = (role: 'user' | 'assistant', content: string) => ({
    id: uuidv7(Date.now()),
    role,
    json: JSON.stringify({ role: `ROLE_${role.toUpperCase()}`, content: [{ text: content }] }),
    tokens: content.length / 4,
  })
  const responseId = newId('resp', Date.now())
  return {
    responseId,
    requestId: responseId,
    caller: DEFAULT_CALLER,
    requestedModel: 'auto',
    answeredBy: { provider: 'p', model: 'm' },
    outcome: { type: 'completed', finishReason: 1 },
    attempts: [],
    ledger: [{ id: uuidv7(Date.now()), provider: 'p', model: 'm', usage, cost }],
    turn: {
      conversationId: conversations[number % conversations.length] ?? '',
      isNew: number < conversations.length,
      messages: [message('user', 'What does the fox do?'), message('assistant', text)],
    },
    ending: values.marks
      ? { type: 'kept', body: Buffer.from(text), expiresAt: Date.now() + 60_000 }
      : { type: 'freed' },
    startedAt: Date.now() - 500,
    durationMs: 500,
  }
}

/** Milliseconds from the start of a settlement until it is safe. */
async function commit(number: number): Promise<number> {
  const one = settlement(number)
  const before = performance.now()
  if (values.marks) {
    const { responseId } = one
    await store.marks.begin({
      responseId,
      tenant: 'default',
      key: responseId,
      fingerprint: '',
      owner: 'bench',
      expiresAt: Date.now() + 60_000,
    })
  }
  await store.journal.commit(one)
  return performance.now() - before
}

async function run(total: number): Promise<readonly number[]> {
  const commits: Promise<number>[] = []
  const startedAt = performance.now()
  while (commits.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1_000) * rate))
    while (commits.length < due) commits.push(commit(commits.length))
    await sleep(1)
  }
  return Promise.all(commits)
}

try {
  await run(rate)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const cpuBefore = process.cpuUsage()
  delay.enable()
  const startedAt = performance.now()
  const took = (await run(rate * seconds)).toSorted((one, other) => one - other)
  const elapsedMs = performance.now() - startedAt
  delay.disable()
  const cpu = process.cpuUsage(cpuBefore)
  const idle: number[] = []
  for (let count = 0; count < 300; count += 1) {
    idle.push(await commit(count))
    await sleep(5)
  }
  idle.sort((one, other) => one - other)
  const at = (sorted: readonly number[], share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const figures: StoreFigures = {
    perSecond: took.length / (elapsedMs / 1_000),
    delayMs: {
      p50: delay.percentile(50) / 1e6,
      p99: delay.percentile(99) / 1e6,
      p999: delay.percentile(99.9) / 1e6,
      max: delay.max / 1e6,
    },
    loadedMs: { p50: at(took, 0.5), p99: at(took, 0.99) },
    idleMs: { p50: at(idle, 0.5), p99: at(idle, 0.99) },
    cpuMicros: (cpu.user + cpu.system) / took.length,
  }
  if (process.send === undefined)
    console.log(`${describeMachine()}${values.marks ? ', each with a mark before it' : ''}`, figures)
  // To the benchmark that this is a part of.
  else process.send(figures)
} finally {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
}
