// `node bench/commit.ts`: what the commit of its settlement adds to a unary answer, beside a journal that resolves at once.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { create } from '@bufbuild/protobuf'
import { Role } from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { systemClock } from '../src/core/clock.ts'
import type { Journal } from '../src/core/settlement.ts'
import { createProcessJournal } from '../src/stores/process/journal.ts'
import { openSqliteStore } from '../src/stores/sqlite/store.ts'
import { createCompletionRig } from '../tests/support/completion-rig.ts'
import { createScriptedProvider, saying } from '../tests/support/scripted-provider.ts'
import { createTestCall } from '../tests/support/test-call.ts'
import { ANSWER_TEXT, promptOf } from './payload.ts'

/** The times of answers with one journal, in milliseconds. */
export type CommitFigure = {
  readonly journal: string
  /** How many calls run at any time. */
  readonly atOnce: number
  readonly p50: number
  readonly p99: number
}

const { values } = parseArgs({ options: { calls: { type: 'string', default: '1500' } } })
const calls = Number(values.calls)
const WARM_UP = 200
const AT_ONCE = 16
const PAUSE_MS = 2
const MEMORY = '/dev/shm'

const folders: string[] = []
const closing: (() => Promise<void>)[] = []
try {
  const journals: readonly (readonly [string, Journal])[] = [
    ['resolves at once', createProcessJournal()],
    ...(existsSync(MEMORY)
      ? [['the embedded store, in memory (tmpfs)', await storeIn(MEMORY)] as const]
      : []),
    ['the embedded store, on disk', await storeIn(tmpdir())],
  ]
  const figures = await measure(journals.map(([name, journal]) => ({ name, ask: askWith(journal) })))
  if (process.send === undefined) console.log(figures)
  // To the benchmark that this is a part of.
  else process.send(figures)
} finally {
  for (const close of closing) await close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

type Variant = { readonly name: string; readonly ask: () => Promise<unknown> }

async function measure(variants: readonly Variant[]): Promise<readonly CommitFigure[]> {
  const alone = new Map<string, number[]>(variants.map(({ name }) => [name, []]))
  const together = new Map<string, number[]>(variants.map(({ name }) => [name, []]))
  for (let call = -WARM_UP; call < calls; call += 1) {
    // One after the other, and none of them always behind the same one.
    for (let turn = 0; turn < variants.length; turn += 1) {
      const one = variants[(turn + Math.abs(call)) % variants.length]
      if (one === undefined) continue
      const ms = await timed(one.ask)
      if (call >= 0) alone.get(one.name)?.push(ms)
      await sleep(PAUSE_MS)
    }
  }
  const rounds = Math.ceil(calls / AT_ONCE)
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, ask } of round % 2 === 0 ? variants : variants.toReversed()) {
      const times = await Promise.all(Array.from({ length: AT_ONCE }, () => timed(ask)))
      together.get(name)?.push(...times)
    }
  }
  return [...figuresOf(alone, 1), ...figuresOf(together, AT_ONCE)]
}

function figuresOf(times: ReadonlyMap<string, readonly number[]>, atOnce: number): readonly CommitFigure[] {
  return [...times].map(([journal, all]) => {
    const sorted = all.toSorted((one, other) => one - other)
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
    return { journal, atOnce, p50: at(0.5), p99: at(0.99) }
  })
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await run()
  return performance.now() - before
}

/** The chat of the service around a provider that answers at once; each answer is the first turn of a conversation. */
function askWith(journal: Journal): () => Promise<unknown> {
  const rig = createCompletionRig([createScriptedProvider('bench', [saying(ANSWER_TEXT)])], { journal })
  const request = create(CompleteRequestSchema, {
    model: 'bench/bench-model',
    conversationId: 'new',
    messages: [{ role: Role.USER, content: [{ kind: { case: 'text', value: promptOf('unary') } }] }],
  })
  return () => rig.complete(createTestCall().call, request)
}

async function storeIn(place: string): Promise<Journal> {
  const folder = mkdtempSync(join(place, 'exai-bench-'))
  folders.push(folder)
  const silent = (): void => {
    // A benchmark has no log.
  }
  const log = { debug: silent, info: silent, warn: silent, error: silent }
  const store = await openSqliteStore({
    path: join(folder, 'exai.db'),
    outbox: false,
    clock: systemClock,
    log,
  })
  closing.push(store.close)
  return store.journal
}
