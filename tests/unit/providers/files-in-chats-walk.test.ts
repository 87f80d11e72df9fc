// Stored files on a call's way along its candidates: uploads cost the call its time, and nobody their good name.
import { afterEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Candidate } from '../../../src/core/provider.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { failureOf } from '../../support/attempt-rig.ts'
import { givingOf, naming, testFile } from '../../support/file-giving.ts'
import { ask } from '../../support/request.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { createWalkDeps, walkOf } from '../../support/walk-rig.ts'
import { model } from './attempt.ts'
import { uploads } from './files-in-chats.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** More than Kimi takes within a request, so that it has to be uploaded there. */
const image = testFile('file_1', 'image/png', Buffer.alloc(1_600_000, 'x'), { filename: 'a.png' })

async function rig() {
  const [double, other] = [await startKimi(), await startUpstream()]
  cleanups.push(double.close, other.close)
  const kimi = createKimi({ id: 'kimi', baseUrl: double.url, keys: ['test-key'] })
  const openAi = createOpenAi({ id: 'openai', baseUrl: other.url, keys: ['test-key'] })
  cleanups.push(kimi.close, openAi.close)
  const one: Candidate = {
    provider: kimi,
    model: model({ provider: 'kimi', id: 'kimi-k3' }),
    reason: 'explicit model',
  }
  const two: Candidate = { provider: openAi, model: model(), reason: 'explicit model' }
  const giving = givingOf(image)
  const messages = [naming('What is it?', image)]
  const question = () => ({ request: ask('', { messages }), messages, files: giving.files })
  const shared = createWalkDeps({ limits: { firstTokenMs: 1_500, idleMs: 5_000 } })
  const closed = () => shared.circuits.states().every(({ state }) => state === 'closed')
  const run = (candidates: readonly Candidate[]) =>
    walkOf(candidates, { question }, { ...shared, limits: shared.limits })
  return { double, one, two, giving, run, closed, circuits: shared.circuits }
}

describe('an upload on the way', () => {
  it('may take longer than a first token', async () => {
    const { double, one, run } = await rig()
    double.next({ faults: ['slow-headers=1800'], match: ({ path }) => path.endsWith('/files') })
    const { walk } = run([one])
    const { attempt } = await walk.begin()
    for await (const _ of attempt.rest());
    expect(attempt.sentMs()).toBeLessThan(attempt.durationMs() - 1_500)
    expect(walk.attempts).toHaveLength(1)
  })

  it('that fails leaves the call to the next candidate, and the circuit as it was', async () => {
    const { double, one, two, run, closed } = await rig()
    const match = ({ path }: { readonly path: string }) => path.endsWith('/files')
    double.next({ faults: ['error=500'], match, times: 12 })
    for (let call = 0; call < 12; call += 1) {
      const { walk } = run([one, two])
      const { attempt } = await walk.begin()
      expect(attempt.candidate.provider.id).toBe('openai')
      for await (const _ of attempt.rest());
    }
    expect(uploads(double)).toBe(12)
    expect(closed()).toBe(true)
  })

  it('that stalls ends with the deadline, and the circuit stays as it was', async () => {
    const { double, one, giving, run, closed } = await rig()
    double.next({ faults: ['hang-before-headers'], times: 12 })
    const deadline = new GatewayError('DEADLINE_EXCEEDED', 'the deadline has passed')
    for (let call = 0; call < 12; call += 1) {
      const { walk, ending } = run([one])
      const failing = failureOf(walk.begin())
      await double.waitFor(({ rawBody }) => uploads(double) === call + 1 && rawBody.byteLength > 1_600_000)
      ending.abort(deadline)
      expect((await failing).reason).toBe('DEADLINE_EXCEEDED')
    }
    expect(closed()).toBe(true)
    expect(giving.copies.size).toBe(0)
    await expect.poll(double.openSockets).toBe(0)
  })
})
