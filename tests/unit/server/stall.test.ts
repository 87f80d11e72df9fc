// Tests that a reader that takes nothing is cut and a slow one is not, on both HTTP versions.
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createStallWatch, followStream } from '../../../src/server/stall.ts'
import { soon, startPort } from '../../support/port-rig.ts'
import { FRAME, framesOf, PREFACE, requestFrame, SETTINGS, wideOpen } from '../../support/raw-client.ts'

describe('a stall watch', () => {
  it('tells a stall only after the whole time without a byte taken', () => {
    const watch = createStallWatch(100)
    const looks = [0, 50, 99, 100, 150].map(nowMs => watch.isStalled({ waiting: true, taken: 7 }, nowMs))
    expect(looks).toEqual([false, false, false, true, true])
  })

  it('begins anew when something was taken', () => {
    const watch = createStallWatch(100)
    watch.isStalled({ waiting: true, taken: 1 }, 0)
    expect(watch.isStalled({ waiting: true, taken: 2 }, 100)).toBe(false)
    expect(watch.isStalled({ waiting: true, taken: 2 }, 199)).toBe(false)
    expect(watch.isStalled({ waiting: true, taken: 2 }, 200)).toBe(true)
  })

  it('never tells a stall of a writer that has nothing to send', () => {
    const watch = createStallWatch(100)
    watch.isStalled({ waiting: true, taken: 1 }, 0)
    expect(watch.isStalled({ waiting: false, taken: 1 }, 100)).toBe(false)
    expect(watch.isStalled({ waiting: true, taken: 1 }, 101)).toBe(false)
  })
})

describe('a followed stream', () => {
  it('has been taken from when it drained, though the same number of bytes waits again', async () => {
    const stream = new PassThrough({ highWaterMark: 4 })
    const look = followStream(stream)
    stream.write('12345678')
    const before = look()
    stream.once('drain', () => stream.write('12345678'))
    stream.read()
    await new Promise(resolve => setImmediate(resolve))
    expect(look().taken).toBeGreaterThan(before.taken)
  })

  it('has not been taken from when its writer only adds', () => {
    const stream = new PassThrough({ highWaterMark: 1 })
    const look = followStream(stream)
    stream.write('1')
    stream.write('2')
    const before = look()
    stream.write('3')
    expect(look()).toEqual({ waiting: true, taken: before.taken })
  })
})

describe('a reader that takes nothing', () => {
  it('loses its HTTP/1.1 connection, and its handler sees the end', async () => {
    const { raw, seen, events, port } = await startPort({ stallTimeoutMs: 80 })
    const client = await raw({ reads: false })
    client.send('GET /pour HTTP/1.1\r\nHost: test\r\n\r\n')
    await soon(() => expect(seen('/pour')).toEqual({ started: 1, closed: 1 }))
    await soon(() => expect(port.connections()).toBe(0))
    expect(events).toEqual([{ type: 'connection.stalled', peer: '127.0.0.1' }])
  })

  it('loses it though it goes on sending', async () => {
    const { raw, seen, events } = await startPort({ stallTimeoutMs: 80 })
    const client = await raw({ reads: false })
    client.send('GET /pour HTTP/1.1\r\nHost: test\r\n\r\n')
    const more = setInterval(() => client.send('GET / HTTP/1.1\r\nHost: test\r\n\r\n'), 10)
    onTestFinished(() => clearInterval(more))
    await soon(() => expect(seen('/pour').closed).toBe(1))
    expect(events[0]).toEqual({ type: 'connection.stalled', peer: '127.0.0.1' })
  })

  it('loses only its HTTP/2 stream while its connection is read', async () => {
    const { raw, seen, events } = await startPort({ stallTimeoutMs: 80 })
    const client = await raw()
    // Never gives the stream a larger window than the first 65,535 bytes.
    client.send(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/pour')]))
    await soon(() => expect(seen('/pour')).toEqual({ started: 1, closed: 1 }))
    expect(events).toEqual([{ type: 'stream.stalled', peer: '127.0.0.1' }])
    await soon(() => expect(framesOf(client.received())).toContainEqual({ type: FRAME.reset, stream: 1 }))
  })

  it('loses its HTTP/2 connection when it does not read that either', async () => {
    const { raw, seen, events, port } = await startPort({ stallTimeoutMs: 80 })
    const client = await raw({ reads: false })
    client.send(Buffer.concat([PREFACE, wideOpen(), requestFrame(1, '/pour')]))
    await soon(() => expect(seen('/pour')).toEqual({ started: 1, closed: 1 }))
    await soon(() => expect(port.connections()).toBe(0))
    expect(events).toContainEqual({ type: 'connection.stalled', peer: '127.0.0.1' })
  })
})

describe('a slow reader', () => {
  it('of one large HTTP/1.1 write is not cut while it takes anything', async () => {
    const { raw, events } = await startPort({ stallTimeoutMs: 600 })
    const client = await raw({ reads: false })
    client.send('GET /lump HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n')
    let receivedBytes = 0
    const begunAtMs = performance.now()
    for await (const chunk of client.socket) {
      receivedBytes += chunk.length
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    expect(receivedBytes).toBeGreaterThan(24 * 1024 * 1024)
    expect(performance.now() - begunAtMs).toBeGreaterThan(1_200)
    expect(events).toEqual([])
  })

  it('that waits long for the next word is not cut', async () => {
    const { raw, finish, events } = await startPort({ stallTimeoutMs: 30 })
    const client = await raw()
    client.send('GET /stream HTTP/1.1\r\nHost: test\r\n\r\n')
    await client.until('begun')
    await new Promise(resolve => setTimeout(resolve, 120))
    finish('/stream')
    await client.until('done')
    expect(events).toEqual([])
  })
})
