// A project that does not answer costs a few questions some time, and then nobody any, until it answers again.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../src/core/clock.ts'
import { newId } from '../../../../src/core/ids.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import { createSupabaseConversations } from '../../../../src/stores/supabase/conversations.ts'
import { createSupabaseFiles } from '../../../../src/stores/supabase/files.ts'
import {
  createReadCircuit,
  type ReadCircuit,
  SILENT_MAX,
} from '../../../../src/stores/supabase/read-circuit.ts'
import { createSupabaseUsage } from '../../../../src/stores/supabase/usage.ts'
import { until } from '../../../support/scripted-completion.ts'
import type { FrontFault } from '../../../support/supabase-front.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

describe('the circuit of reads', () => {
  let probes: ((isAnswer: boolean) => void)[]
  let pauses: number[]
  let circuit: ReadCircuit
  let changes: boolean[]
  beforeEach(() => {
    probes = []
    pauses = []
    changes = []
    circuit = createReadCircuit({
      probe: () => new Promise(resolve => probes.push(resolve)),
      wait: async ms => void pauses.push(ms),
      random: () => 1,
    })
    circuit.onChange(() => changes.push(circuit.isOpen()))
  })
  afterEach(() => circuit.close())
  const silence = (times: number): void => {
    for (let count = 0; count < times; count += 1) circuit.heard(false)
  }

  test('opens after questions in a row that were not answered, and an answer between them begins anew', () => {
    silence(SILENT_MAX - 1)
    circuit.heard(true)
    silence(SILENT_MAX - 1)
    expect(() => circuit.check()).not.toThrow()
    silence(1)
    expect(() => circuit.check()).toThrow(expect.objectContaining({ reason: 'INTERNAL' }))
    expect(changes).toEqual([true])
  })

  test('probes one at a time, less and less often, and closes with the first answer', async () => {
    silence(SILENT_MAX + 5)
    for (let probe = 1; probe <= 9; probe += 1) {
      await until(() => probes.length === probe)
      expect(circuit.isOpen()).toBe(true)
      probes.at(-1)?.(probe === 9)
    }
    await until(() => !circuit.isOpen())
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
    expect(changes).toEqual([true, false])
    silence(SILENT_MAX - 1)
    expect(circuit.isOpen()).toBe(false)
  })

  test('closes when a question that began before is answered after all', async () => {
    silence(SILENT_MAX)
    await until(() => probes.length === 1)
    circuit.heard(true)
    expect(circuit.isOpen()).toBe(false)
    probes[0]?.(false)
    silence(SILENT_MAX)
    await until(() => probes.length === 2)
    expect(changes).toEqual([true, false, true])
  })

  test('that is closed for good asks nothing any more', async () => {
    circuit.close()
    silence(SILENT_MAX)
    expect([circuit.isOpen(), probes.length]).toEqual([false, 0])
  })
})

describe('a project', () => {
  const TIMEOUT_MS = 150
  let project: SupabaseRig
  let connection: SupabaseConnection
  beforeAll(async () => {
    project = await startSupabase()
  })
  afterAll(() => project?.stop())
  beforeEach(async () => {
    connection = await connectSupabase({ url: project.url, key: project.key, answerTimeoutMs: TIMEOUT_MS })
  })
  afterEach(async () => {
    project.front.fault(undefined)
    await connection.close()
  })

  /** One question of each kind. */
  const questions = () => {
    const conversations = createSupabaseConversations(connection, systemClock)
    const files = createSupabaseFiles(connection, systemClock)
    const usage = createSupabaseUsage(connection)
    const span = { groupBy: [], from: 0, until: 1, models: [], providers: [], keys: [] }
    return [
      () => conversations.get({ tenant: 'acme', id: newId('conv', 0) }),
      () => conversations.list({ tenant: 'acme', limit: 9 }),
      () => files.get({ tenant: 'acme', id: newId('file', 0) }),
      () => files.list({ tenant: 'acme', limit: 9 }),
      () => usage.total(span),
    ]
  }

  const gone: readonly (readonly [string, FrontFault])[] = [
    ['hangs', { type: 'hang' }],
    ['breaks connections', { type: 'reset' }],
    ['has no database behind it', { type: 'answer', status: 503, body: '{"code":"PGRST001"}' }],
  ]
  test.each(gone)('that %s is not asked any more, and again when it answers', async (_, fault) => {
    project.front.fault(() => fault)
    const [first, ...others] = questions()
    for (let count = 0; count < SILENT_MAX; count += 1)
      await expect(first?.()).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(connection.reads.isOpen()).toBe(true)
    const asked = () => project.front.requests.filter(({ path }) => !path.includes('limit=1')).length
    const before = asked()
    const startedAt = performance.now()
    for (const ask of [...others, ...others])
      await expect(ask()).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS)
    expect(asked()).toBe(before)
    project.front.fault(undefined)
    await until(() => !connection.reads.isOpen())
    for (const ask of questions()) await ask()
  })

  test('that refuses is asked again: it costs nobody any time', async () => {
    project.front.fault(() => ({ type: 'answer', status: 401, body: '{"message":"Invalid API key"}' }))
    const [ask] = questions()
    for (let count = 0; count < SILENT_MAX * 2; count += 1)
      await expect(ask?.()).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(connection.reads.isOpen()).toBe(false)
  })
})
