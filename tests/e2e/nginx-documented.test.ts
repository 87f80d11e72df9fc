// The configuration of nginx in docs/operations.md, in a real nginx before a real service: every way to call passes through it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { chatClient, question, speeches } from '../support/clients.ts'
import { listenLines, type Nginx, startNginx } from '../support/nginx.ts'
import { type Service, startService } from '../support/running-server.ts'
import { is, openSocket } from '../support/socket-client.ts'
import { root, tool } from '../support/tools.ts'

const hasNginx = tool('nginx') !== undefined
const SLOW = { providerOptions: { sandbox: { words: 40, delay_ms: 25 } } }

async function startDocumented(): Promise<{ readonly service: Service; readonly nginx: Nginx }> {
  const service = await startService({})
  onTestFinished(async () => void (await service.stop('SIGKILL')))
  const page = await readFile(join(root, 'docs/operations.md'), 'utf8')
  const block = /```nginx\n(.*?)```/s.exec(page)?.[1] ?? ''
  expect(block.match(/127\.0\.0\.1:8080/g)).toHaveLength(2)
  // What it leaves to whoever uses it: where nginx listens.
  const nginx = await startNginx((http1, http2) =>
    block
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${service.port}`)
      .replace('server {\n', `server {\n  ${listenLines(http1, http2)}\n`),
  )
  return { service, nginx }
}

const request = (id: string, more: object = {}) => ({
  type: 'request',
  request_id: id,
  model: 'sandbox',
  messages: [{ role: 'user', content: 'Hello!' }],
  ...more,
})

it.skipIf(!hasNginx)(
  'a WebSocket passes: whole answers, streams as they come, cancels, and live monitoring (skipped without nginx: apt-get install nginx)',
  async () => {
    const { service, nginx } = await startDocumented()
    const client = await openSocket(`ws://127.0.0.1:${nginx.http1}/ws`)
    client.send(request('whole'))
    expect(JSON.stringify(await client.frame(is('response', 'whole')))).toContain('says: \\"Hello!')
    client.send(
      request('long', { stream: true, provider_options: { sandbox: { words: 400, delay_ms: 25 } } }),
    )
    // A piece is here long before its answer has ended: nothing on the way keeps it back.
    await client.frame(is('stream', 'long'))
    expect(client.frames.some(is('response', 'long'))).toBe(false)
    client.send({ type: 'cancel', request_id: 'long' })
    await client.frame(is('error', 'long'))
    const watch = await openSocket(`ws://127.0.0.1:${nginx.http1}/ws/monitoring`)
    watch.send({ type: 'subscribe' })
    await watch.frame(is('subscribed'))
    // A client that is gone is gone for the service, too.
    client.send(
      request('left', { stream: true, provider_options: { sandbox: { words: 400, delay_ms: 25 } } }),
    )
    await client.frame(is('stream', 'left'))
    client.ws.terminate()
    await expect
      .poll(() => service.log().filter(({ msg, code }) => msg === 'call' && code === 'CANCELLED').length)
      .toBe(2)
    watch.ws.terminate()
    expect(nginx.errors()).toBe('')
  },
)

it.skipIf(!hasNginx)(
  'gRPC, Connect and the OpenAI door pass, unary and as streams (skipped without nginx: apt-get install nginx)',
  async () => {
    const { nginx } = await startDocumented()
    for (const speech of speeches) {
      const port = speech.name.includes('HTTP/2') ? nginx.http2 : nginx.http1
      const chat = chatClient(speech, `http://127.0.0.1:${port}`)
      const asked = question('sandbox', 'Hello!', SLOW)
      expect(
        (await chat.complete(question('sandbox', 'Hello!'))).message?.content[0]?.kind.value,
        speech.name,
      ).toMatch(/says: "Hello!"/)
      const times: number[] = []
      for await (const _ of chat.streamComplete(asked)) times.push(performance.now())
      // It takes a second, and does not come in one piece at its end.
      expect((times.at(-1) ?? 0) - (times[0] ?? 0), speech.name).toBeGreaterThan(500)
    }
    const answer = await fetch(`http://127.0.0.1:${nginx.http1}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'sandbox',
        stream: true,
        messages: [{ role: 'user', content: 'Hello!' }],
      }),
    })
    expect(await answer.text()).toMatch(/data: \[DONE\]\n\n$/)
    expect(nginx.errors()).toBe('')
  },
)
