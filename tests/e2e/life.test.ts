// Tests how the service ends: on signals, with calls running, and through `npm start`.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '#gen/health/v1/health_pb'
import {
  chatClient,
  failureOf,
  infoOf,
  jsonQuestion,
  postJson,
  question,
  readAll,
  speeches,
  textOf,
} from '../support/clients.ts'
import { type Service, startService, startServiceBy } from '../support/running-server.ts'
import { root } from '../support/tools.ts'

let service: Service | undefined

afterEach(async () => {
  // A test that failed before its end must leave nobody behind.
  await service?.stop('SIGKILL')
  service = undefined
})

const start = async (env: Readonly<Record<string, string>> = {}): Promise<Service> => {
  service = await startService(env)
  return service
}

const [grpc, , web] = speeches
if (grpc === undefined || web === undefined) throw new Error('there is no way to speak')

const slow = (words: number, delayMs: number) =>
  question('sandbox', 'take your time', { providerOptions: { sandbox: { words, delay_ms: delayMs } } })

/** Starts a stream and resolves when its first text is here; `done` is its whole. */
async function begin(url: string, speech = grpc, words = 30, delayMs = 60) {
  if (speech === undefined) throw new Error('there is no way to speak')
  const { promise: begun, resolve } = Promise.withResolvers<void>()
  const stream = chatClient(speech, url).streamComplete(slow(words, delayMs))
  async function* watched() {
    for await (const event of stream) {
      if (event.event.case === 'textDelta') resolve()
      yield event
    }
  }
  const done = readAll(watched())
  await begun
  return { done }
}

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return false
  } catch {
    return true
  } finally {
    socket.destroy()
  }
}

describe('on SIGTERM', () => {
  it.each([grpc, web])(
    'a stream in $name that runs is finished, then the service exits with 0',
    async speech => {
      const { url, stop, line, log } = await start()
      const { done } = await begin(url, speech)
      const code = stop()
      await line(({ msg }) => msg === 'stopping')
      const { kinds, text, error } = await done
      expect(error).toBeUndefined()
      expect(kinds.at(-1)).toBe('completed')
      expect(text.split(' ')).toHaveLength(30)
      expect(await code).toBe(0)
      expect(log().at(-1)).toMatchObject({
        msg: 'stopped',
        running: 1,
        aborted: 0,
        duration_ms: expect.any(Number),
      })
      expect(log().findIndex(({ msg }) => msg === 'call')).toBeLessThan(log().length - 1)
    },
  )

  it('it first says that it is not ready, and still takes calls for DRAIN_DELAY', async () => {
    const { url, stop, log } = await start({ DRAIN_DELAY: '3' })
    const health = createClient(Health, createGrpcTransport({ baseUrl: url, idleConnectionTimeoutMs: 1_000 }))
    const states: Serving[] = []
    const watching = (async () => {
      for await (const { status } of health.watch({})) {
        states.push(status)
        if (status === Serving.NOT_SERVING) {
          expect((await fetch(`${url}/health/ready`)).status).toBe(503)
          expect((await fetch(`${url}/health/live`)).status).toBe(200)
          expect((await postJson(url, 'Complete', jsonQuestion('sandbox', 'hello'))).status).toBe(200)
        } else void stop()
      }
    })()
    const error = await failureOf(watching)
    expect(states).toEqual([Serving.SERVING, Serving.NOT_SERVING])
    expect([error.code, infoOf(error)?.reason]).toEqual([Code.Unavailable, ErrorReason.SHUTTING_DOWN])
    expect(await service?.ended).toEqual({ code: 0, signal: null })
    expect(log().at(-1)).toMatchObject({ msg: 'stopped' })
  })

  it('new connections are refused while a running call is finished', async () => {
    const { url, port, stop, line } = await start()
    const { done } = await begin(url, grpc, 60, 20)
    const code = stop()
    await line(({ msg }) => msg === 'stopping')
    await expect.poll(() => refusesConnections(port)).toBe(true)
    expect((await done).kinds.at(-1)).toBe('completed')
    expect(await code).toBe(0)
  })

  it('a call that takes longer than DRAIN_TIMEOUT is ended and told why', async () => {
    const { url, stop, log } = await start({ DRAIN_TIMEOUT: '0.2' })
    const { done } = await begin(url, grpc, 1000, 50)
    expect(await stop()).toBe(0)
    const { error, kinds } = await done
    expect(kinds).not.toContain('completed')
    expect([error?.code, infoOf(error)?.reason]).toEqual([Code.Unavailable, ErrorReason.SHUTTING_DOWN])
    expect(log().at(-1)).toMatchObject({ msg: 'stopped', running: 1, aborted: 1 })
  })

  it('a second signal waits for nothing any more', async () => {
    const { url, stop, line, signal, log } = await start({ DRAIN_TIMEOUT: '60' })
    const { done } = await begin(url, grpc, 1000, 50)
    const code = stop()
    await line(({ msg }) => msg === 'stopping')
    signal('SIGTERM')
    expect(await code).toBe(0)
    const { error, kinds } = await done
    expect(error).toBeDefined()
    expect(kinds).not.toContain('completed')
    expect(log().at(-1)).toMatchObject({ msg: 'stopped', aborted: 1 })
  })

  it('connections that nobody uses do not hold it up', async () => {
    const { port, url, stop, log } = await start()
    const idle = connect({ port, host: '127.0.0.1' })
    await once(idle, 'connect')
    await fetch(`${url}/health`)
    await chatClient(grpc, url).complete(question('sandbox', 'hello'))
    expect(await stop()).toBe(0)
    // Less than DRAIN_TIMEOUT, by far.
    expect(Number(log().at(-1)?.['duration_ms'])).toBeLessThan(4_500)
    idle.destroy()
  })
})

it('SIGINT ends it in the same way', async () => {
  const { url, stop, log } = await start()
  const { done } = await begin(url)
  expect(await stop('SIGINT')).toBe(0)
  expect((await done).kinds.at(-1)).toBe('completed')
  expect(log().find(({ msg }) => msg === 'stopping')).toMatchObject({ signal: 'SIGINT' })
})

it('through npm start, SIGTERM reaches the service: it finishes what runs, and leaves nobody behind', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-life-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  service = await startServiceBy('npm', ['start'], {
    cwd: root,
    env: { PORT: '0', NO_UPDATE_NOTIFIER: '1', DATA_DIR: dataDir },
  })
  const { url, port, line, stop, log } = service
  const { done } = await begin(url)
  const code = stop()
  await line(({ msg }) => msg === 'stopping')
  const { kinds, events } = await done
  expect(kinds.at(-1)).toBe('completed')
  const last = events.at(-1)?.event
  expect(last?.case === 'completed' ? textOf(last.value.response?.message) : 'nothing').toBe('')
  await line(({ msg }) => msg === 'stopped')
  await code
  expect(log().at(-1)).toMatchObject({ msg: 'stopped', aborted: 0 })
  expect(await refusesConnections(port)).toBe(true)
})
