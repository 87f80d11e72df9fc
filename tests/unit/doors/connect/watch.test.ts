// A watch over the real port: a reader that stands still is cut, and finds out why when it reads on.
import { connect } from 'node:http2'
import { expect, it } from 'vitest'
import { createWatchers } from '../../../../src/status/watchers.ts'
import { startServer, until } from './harness.ts'

const PATH = '/exai.v1.MonitoringService/WatchStatus'

it('a reader that takes nothing is cut with OVERLOADED, and is told so if it ever reads on', async () => {
  const watchers = createWatchers({ clock: { monotonic: () => performance.now() }, stallMs: 300 })
  // More than a client takes unread: its window is 64 KiB.
  const status = { version: 'x'.repeat(20_000) }
  await using server = await startServer({
    monitoring: {
      watchStatus: call => watchers.watch(call, { take: () => ({ status }), sign: () => ({}) }),
    },
  })
  const timer = setInterval(watchers.tick, 20)
  const client = connect(server.url)
  try {
    const stream = client.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.pause()
    stream.end(Buffer.alloc(5))
    await until(() => watchers.count() === 1)
    await until(() => watchers.count() === 0)
    const trailers = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
      stream.once('trailers', resolve)
      stream.once('error', reject)
    })
    stream.resume()
    expect((await trailers)['grpc-status']).toBe('8')
    const { end } = await server.onlyEnd()
    expect([end.code, end.reason]).toEqual(['RESOURCE_EXHAUSTED', 'OVERLOADED'])
  } finally {
    clearInterval(timer)
    client.destroy()
  }
})
