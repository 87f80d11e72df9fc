// What a download takes for an answer: status, compression, type, size, and how long it may keep us waiting.
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { fetchRig, mediaHost, rawHost, text } from './safe-fetch-rig.ts'

const refused = (message: string) => ({
  reason: 'INVALID_REQUEST',
  message: expect.stringContaining(message),
})
const unavailable = (message: string) => ({
  reason: 'UPSTREAM_UNAVAILABLE',
  message: expect.stringContaining(message),
})
const { get } = fetchRig({ allowPrivate: true })

async function typedHost(type: string | undefined) {
  return mediaHost((_, response) => {
    if (type !== undefined) response.setHeader('content-type', type)
    response.end('a cat')
  })
}

describe('the status', () => {
  it.each([201, 204, 206, 400, 401, 403, 404, 410, 429])('%d is the caller’s to mend', async status => {
    const host = await mediaHost((_, response) => response.writeHead(status).end())
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(
      refused(`answered HTTP ${status}`),
    )
  })

  it.each([500, 502, 503, 504])('%d may be another one later', async status => {
    const host = await mediaHost((_, response) => response.writeHead(status).end())
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(
      unavailable(`answered HTTP ${status}`),
    )
  })

  it('of an early hint is passed over', async () => {
    const host = await rawHost(
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na cat',
    )
    expect(text((await get(`http://127.0.0.1:${host.port}/`)).bytes)).toBe('a cat')
  })
})

describe('a compressed answer', () => {
  it.each(['gzip', 'br', 'deflate', 'zstd', 'identity, gzip', 'nobody-knows'])(
    'is refused by its content-encoding %s',
    async coding => {
      const host = await mediaHost((_, response) => {
        response.writeHead(200, { 'content-encoding': coding })
        response.end(gzipSync('a cat'))
      })
      await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(refused('compresses'))
    },
  )

  it('is refused by its transfer-encoding', async () => {
    const host = await rawHost(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    )
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(refused('compresses'))
  })

  it.each(['identity', 'Identity', ''])('is not what the content-encoding %j says', async coding => {
    const host = await mediaHost((_, response) => {
      response.writeHead(200, { 'content-encoding': coding })
      response.end('a cat')
    })
    expect(text((await get(`http://127.0.0.1:${host.port}/`)).bytes)).toBe('a cat')
  })
})

describe('the type', () => {
  it.each([
    ['image/png', 'image/png'],
    ['Image/PNG; Charset=x; q="a;b"', 'image/png'],
    ['  image/svg+xml  ', 'image/svg+xml'],
    [undefined, 'application/octet-stream'],
    ['', 'application/octet-stream'],
    ['image', 'application/octet-stream'],
    ['image/png,text/html', 'application/octet-stream'],
    ['image/png base64', 'application/octet-stream'],
  ])('of the header %j is %s', async (header, type) => {
    const host = await typedHost(header)
    expect((await get(`http://127.0.0.1:${host.port}/`)).mimeType).toBe(type)
  })

  it.each([
    ['image/png', ['image/png']],
    ['image/png; x=y', ['image/jpeg', 'image/png']],
    ['IMAGE/WEBP', ['image/*']],
  ])('%s is one of %j', async (type, acceptTypes) => {
    const host = await typedHost(type)
    expect(text((await get(`http://127.0.0.1:${host.port}/`, { acceptTypes })).bytes)).toBe('a cat')
  })

  it.each([
    ['text/html', ['image/png']],
    ['image/png2', ['image/png']],
    ['imagex/png', ['image/*']],
    ['video/mp4', ['image/*', 'application/pdf']],
    [undefined, ['image/*']],
    ['image/png', []],
  ])('%s is none of %j', async (type, acceptTypes) => {
    const host = await typedHost(type)
    const failure = get(`http://127.0.0.1:${host.port}/`, { acceptTypes })
    await expect(failure).rejects.toMatchObject(refused(`what can be used is ${acceptTypes.join(', ')}`))
  })
})

describe('the size', () => {
  it('may be exactly the limit, with and without a length in the head', async () => {
    const counted = await mediaHost((_, response) => response.end('x'.repeat(1000)))
    const chunked = await mediaHost((_, response) => {
      response.write('x'.repeat(999))
      response.end('x')
    })
    for (const { port } of [counted, chunked])
      expect((await get(`http://127.0.0.1:${port}/`)).bytes).toHaveLength(1000)
  })

  it('above the limit is refused by the head, before a byte of the body came', async () => {
    const host = await mediaHost((_, response) => {
      response.writeHead(200, { 'content-length': 1001 })
      response.flushHeaders()
    })
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(refused('more than 1000 bytes'))
    await host.allClosed()
  })

  it('above the limit is refused while a body without a length still comes', async () => {
    const host = await mediaHost((_, response) => {
      response.write('x'.repeat(600))
      response.write('x'.repeat(401))
    })
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(refused('more than 1000 bytes'))
    await host.allClosed()
  })

  it('may be nothing at all', async () => {
    const host = await mediaHost((_, response) => response.end())
    expect((await get(`http://127.0.0.1:${host.port}/`)).bytes).toHaveLength(0)
  })
})

describe('a host', () => {
  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'no valid HTTP answer'],
    ['nothing', '', 'no valid HTTP answer'],
    ['half a head', 'HTTP/1.1 200 OK\r\ncontent-ty', 'no valid HTTP answer'],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`, 'no valid HTTP answer'],
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'no valid HTTP answer',
    ],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\na cat',
      'no valid HTTP answer',
    ],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na cat', 'broke off'],
    ['half a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\na cat', 'broke off'],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\na cat', 'broke off'],
  ])('that sends %s gives no media', async (_, answer, message) => {
    const host = await rawHost(answer)
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(refused(message))
    await host.allClosed()
  })

  it.each([
    ['before its answer', ''],
    ['in its head', 'HTTP/1.1 200 OK\r\n'],
    ['in its body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na cat'],
  ])('that falls silent %s is given up', async (_, beginning) => {
    const host = await rawHost(beginning, true)
    const { get } = fetchRig({ allowPrivate: true, limits: { idleMs: 50 } })
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(
      unavailable('sent nothing for 50 ms'),
    )
    await host.allClosed()
  })

  it('that drips is given up with the time for everything', async () => {
    const host = await mediaHost((_, response) => {
      const drip = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(drip))
    })
    const { get } = fetchRig({ allowPrivate: true, limits: { totalMs: 200, idleMs: 2000 } })
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(
      unavailable('longer than 200 ms'),
    )
    await host.allClosed()
  })
})
