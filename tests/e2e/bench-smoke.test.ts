// Runs the benchmark for a moment: every protocol and every part must give a figure, however large it is.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessFigure } from '../../bench/access.ts'
import type { CommitFigure } from '../../bench/commit.ts'
import type { FilesFigures } from '../../bench/files.ts'
import type { LatencyRow } from '../../bench/latency.ts'
import type { MemoryRow } from '../../bench/memory.ts'
import type { StartRow } from '../../bench/start.ts'
import type { StoreFigures } from '../../bench/store.ts'
import { root } from '../support/tools.ts'

type Figure = { readonly micros: number; readonly rate: number; readonly messages: number }
type Row = { readonly name: string; readonly exai: Figure; readonly floor: Figure; readonly ratio: number }

type Found = {
  readonly rows: readonly Row[]
  readonly latency: readonly LatencyRow[]
  readonly start: readonly StartRow[]
  readonly memory: readonly MemoryRow[]
  readonly files: FilesFigures
  readonly store: StoreFigures
  readonly commit: readonly CommitFigure[]
  readonly access: readonly AccessFigure[]
}

const TEXT_EVENTS = 100
const MIB = 64
const LATENCY_SECONDS = 0.3
let folder: string
let found: Found

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exai-bench-test-'))
  const json = join(folder, 'rows.json')
  // It fails by itself when one answer is wrong.
  await promisify(execFile)(process.execPath, [join(root, 'bench/run.ts'), '--smoke', '--json', json], {
    cwd: root,
  })
  found = JSON.parse(await readFile(json, 'utf8'))
}, 400_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

const kinds = ['unary', 'long prompt', 'stream at once', 'stream with pauses']
const protocols = ['Connect JSON', 'gRPC,', 'gRPC-Web', '/v1']

describe.each(kinds)('the load %s', kind => {
  test.each(protocols)('is measured over %s, beside the floor', protocol => {
    const rows = found.rows.filter(({ name }) => name.startsWith(kind) && name.includes(protocol))
    expect(rows).toHaveLength(1)
    for (const { exai, floor, ratio } of rows) {
      for (const figure of [exai.micros, exai.rate, floor.micros, floor.rate, ratio]) {
        expect(figure).toBeGreaterThan(0)
        expect(figure).toBeLessThan(Number.POSITIVE_INFINITY)
      }
      expect(exai.messages).toBeGreaterThanOrEqual(kind.startsWith('stream') ? TEXT_EVENTS : 1)
    }
  })

  test.each(protocols)('is timed at a fixed rate over %s, beside the floor', protocol => {
    const rows = found.latency.filter(({ name }) => name.startsWith(kind) && name.includes(protocol))
    expect(rows).toHaveLength(1)
    for (const { rate, calls, exai, floor } of rows) {
      expect(calls).toBe(Math.max(1, Math.round(rate * LATENCY_SECONDS)))
      for (const { p50, p95, p99 } of [exai, floor]) {
        expect(p50).toBeGreaterThan(0)
        expect(p95).toBeGreaterThanOrEqual(p50)
        expect(p99).toBeGreaterThanOrEqual(p95)
      }
    }
  })
})

test.each(['bin/exai, packed', 'bin/exai, source', 'npm start', 'the floor'])(
  'a start of %s is timed',
  name => {
    const row = found.start.find(one => one.name === name)
    expect(row?.readyMs).toBeGreaterThan(0)
    expect(row?.firstAnswerMs).toBeGreaterThan(row?.readyMs ?? 0)
    expect(row?.rssIdle).toBeGreaterThan(MIB * 2 ** 20)
  },
)

test('idle connections and waiting streams are held all at once, and weighed', () => {
  expect(found.memory.map(({ name, count }) => [name, count])).toEqual([
    ['idle connection, HTTP/1.1', 20],
    ['idle connection, HTTP/2', 20],
    ['waiting StreamComplete, gRPC', 50],
  ])
})

test.each(['up', 'down'] as const)(
  'a file of 64 MiB goes %s through the service, which never has all of it in memory',
  way => {
    const { mib, [way]: one } = found.files
    expect(mib).toBe(MIB)
    expect(one.grownMib).toBeLessThan(MIB)
    for (const figure of [one.cpuSecondsPerGib, one.mibPerSecond]) expect(figure).toBeGreaterThan(0)
  },
)

test('the lateness of the event loop is measured while settlements are kept', () => {
  const { perSecond, delayMs, loadedMs, idleMs } = found.store
  expect(perSecond).toBeGreaterThan(0)
  expect(delayMs.p999).toBeGreaterThan(0)
  expect(delayMs.max).toBeGreaterThanOrEqual(delayMs.p999)
  for (const { p50, p99 } of [loadedMs, idleMs]) expect(p99).toBeGreaterThanOrEqual(p50)
})

test('answers are timed with a journal on disk beside one that resolves at once, alone and together', () => {
  for (const atOnce of [1, 16]) {
    const journals = found.commit.filter(one => one.atOnce === atOnce)
    expect(journals.at(0)?.journal).toBe('resolves at once')
    expect(journals.at(-1)?.journal).toBe('the embedded store, on disk')
    for (const { p50, p99 } of journals) {
      expect(p50).toBeGreaterThan(0)
      expect(p99).toBeGreaterThanOrEqual(p50)
    }
  }
})

test.each(['connect', 'grpc'] as const)(
  'a service that asks for keys or tokens is measured over %s, beside one that asks for nothing',
  protocol => {
    const figures = found.access.filter(one => one.protocol === protocol)
    expect(figures.map(({ service }) => service)).toEqual(['open', 'key', 'token'])
    for (const { micros, ratio, share, p50Ms, p99Ms } of figures) {
      expect(micros).toBeGreaterThan(0)
      // The same thing said twice: as a multiple of the open service, and as a part of the whole.
      expect(share).toBeCloseTo(100 * (1 - 1 / ratio))
      expect(p99Ms).toBeGreaterThanOrEqual(p50Ms)
    }
  },
)
