// Tests that a provider that sends 100 MB in one line costs the service neither its memory nor its calm.
import { readFile } from 'node:fs/promises'
import { Code } from '@connectrpc/connect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { chatClient, infoOf, question, readAll, speeches, textOf } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const MORE_KIB_MAX = 80 * 1024

let upstream: Upstream
let service: Service

beforeAll(async () => {
  upstream = await startUpstream()
  const env = { OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url }
  // Coverage keeps memory of its own.
  service = await startService(env, { isCovered: false })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

/** Highest resident memory of the process so far, and that of now, in KiB (proc(5)). */
async function memoryKib(): Promise<{ readonly peak: number; readonly now: number }> {
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { peak: field('VmHWM'), now: field('VmRSS') }
}

it.skipIf(process.platform !== 'linux')(
  'a line of 100 MB is cut short: the stream breaks, and memory does not grow by 80 MB (Linux only)',
  async () => {
    const [speech] = speeches
    if (speech === undefined) throw new Error('there is no way to speak')
    const chat = chatClient(speech, service.url)
    for (let round = 0; round < 20; round += 1) await chat.complete(question(MODEL, 'warm up'))
    // A broken call is counted here, and the encoding that counts is 70 MB of its own.
    await chat.countTokens(question('sandbox', 'warm up'))
    const before = await memoryKib()
    for (let round = 0; round < 3; round += 1) {
      const { error, kinds } = await readAll(
        chat.streamComplete(question(MODEL, `[[fault:flood]] round ${round}`)),
      )
      expect([error?.code, infoOf(error)?.reason]).toEqual([Code.Aborted, ErrorReason.UPSTREAM_BROKEN])
      expect(kinds).not.toContain('completed')
    }
    const after = await memoryKib()
    expect(after.now - before.now).toBeLessThan(MORE_KIB_MAX)
    expect(after.peak - before.now).toBeLessThan(MORE_KIB_MAX)
    for (let round = 0; round < 3; round += 1)
      await upstream.waitFor(
        ({ rawBody, closedByClientAtMs }) =>
          closedByClientAtMs !== undefined && rawBody.includes(`[[fault:flood]] round ${round}`),
      )
    expect(textOf((await chat.complete(question(MODEL, 'and on'))).message)).toBe('You said: and on')
  },
)
