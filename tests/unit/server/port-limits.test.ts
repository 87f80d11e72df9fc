// Tests that silent, slow, idle, dead and hostile peers lose their connection, and that nobody else does.
import { once } from 'node:events'
import { constants } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { DEFAULT_PORT_LIMITS } from '../../../src/server/port-limits.ts'
import { ask, soon, startPort } from '../../support/port-rig.ts'
import { FRAME, frame, framesOf, PREFACE, requestFrame, SETTINGS } from '../../support/raw-client.ts'
import { selfSigned } from '../../support/self-signed.ts'

const types = (events: readonly { readonly type: string }[]): readonly string[] =>
  events.map(({ type }) => type)

describe('a peer that is slow to begin', () => {
  it('is closed when it sends nothing, or too little to know its protocol', async () => {
    const { raw, events, port } = await startPort({
      sniffTimeoutMs: 60,
      keepAliveTimeoutMs: 60,
      keepAliveSpareMs: 1,
    })
    const [mute, short] = [await raw(), await raw()]
    short.send('PR')
    await Promise.all([mute.ended, short.ended])
    await soon(() => expect(port.connections()).toBe(0))
    expect(types(events)).toEqual(['sniff.expired', 'sniff.expired'])
  })

  it('is left alone by that limit once its protocol is known', async () => {
    const { raw, finish } = await startPort({ sniffTimeoutMs: 40 })
    const client = await raw()
    client.send('GET /stream HTTP/1.1\r\nHost: test\r\n\r\n')
    await client.until('begun')
    await new Promise(resolve => setTimeout(resolve, 100))
    finish('/stream')
    await client.until('done')
  })

  it('gets 408 for half an HTTP/1.1 header', async () => {
    const { raw } = await startPort({ headersTimeoutMs: 60 })
    const client = await raw()
    client.send('GET / HTTP/1.1\r\nHost: te')
    await client.ended
    expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('is closed when no SETTINGS follow its HTTP/2 preface', async () => {
    const { raw, events } = await startPort({ headersTimeoutMs: 60 })
    const client = await raw()
    client.send(PREFACE)
    await client.ended
    expect(types(events)).toEqual(['session.silent'])
  })
})

describe('a request header', () => {
  it('is refused with 431 above the limit on HTTP/1.1', async () => {
    const { number, seen } = await startPort({ maxHeaderBytes: 2_000 })
    const ask = (length: number) =>
      fetch(`http://127.0.0.1:${number}/plain`, { headers: { 'x-large': 'x'.repeat(length) } })
    expect((await ask(1_000)).status).toBe(200)
    expect((await ask(2_000)).status).toBe(431)
    expect(seen('/plain').started).toBe(1)
  })

  it('is refused with 431 above the limit on HTTP/2, and the connection goes on', async () => {
    const { h2, seen, events } = await startPort({ maxHeaderBytes: 2_000 })
    const session = h2()
    const askWith = (length: number) =>
      ask(session, { ':path': '/plain', 'x-large': 'x'.repeat(length) }).then(({ status }) => status)
    expect(await askWith(1_000)).toBe(200)
    expect(await askWith(2_000)).toBe(431)
    expect(await askWith(1_000)).toBe(200)
    expect(seen('/plain').started).toBe(2)
    const upload = { ':path': '/plain', ':method': 'POST', 'x-large': 'x'.repeat(2_000) }
    const unfinished = session.request(upload, { endStream: false })
    const [head] = await once(unfinished, 'response')
    expect(head[':status']).toBe(431)
    await once(unfinished.resume(), 'close')
    expect(types(events)).toEqual(['header.refused', 'header.refused'])
  })

  it('is refused unseen when it has too many fields on HTTP/2', async () => {
    const { h2, seen } = await startPort({ maxHeaderListPairs: 16 })
    const flood = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`x-${index}`, '1']))
    const session = h2()
    await expect(ask(session, { ':path': '/flood', ...flood })).rejects.toThrow()
    expect((await ask(session, { ':path': '/plain' })).status).toBe(200)
    expect(seen('/flood').started).toBe(0)
  })
})

describe('a request body', () => {
  const half = 'POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf'

  it('that does not arrive in time is answered 408 on HTTP/1.1, and its handler sees the end', async () => {
    const { raw, seen, events } = await startPort({ requestBodyTimeoutMs: 60 })
    const client = await raw()
    client.send(half)
    await client.ended
    expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
    await soon(() => expect(seen('/echo')).toEqual({ started: 1, closed: 1 }))
    expect(types(events)).toEqual(['body.expired'])
  })

  it('that does not arrive in time does not write into an answer that has begun', async () => {
    const { raw } = await startPort({ requestBodyTimeoutMs: 60 })
    const client = await raw()
    client.send(half.replace('/echo', '/stream'))
    await client.ended
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 /)
    expect(client.received()).not.toContain('408')
  })

  it('that does not arrive in time resets its stream on HTTP/2, and no other', async () => {
    const { raw, seen, events } = await startPort({ requestBodyTimeoutMs: 60 })
    const client = await raw()
    const slow = requestFrame(1, '/echo', { hasBody: true })
    client.send(Buffer.concat([PREFACE, SETTINGS, slow, frame(FRAME.data, 0, 1, Buffer.from('half'))]))
    await soon(() => expect(seen('/echo')).toEqual({ started: 1, closed: 1 }))
    client.send(requestFrame(3, '/plain'))
    await client.until('2.0 /plain')
    expect(framesOf(client.received())).toContainEqual({ type: FRAME.reset, stream: 1 })
    expect(types(events)).toEqual(['body.expired'])
  })

  it('that has arrived leaves a long call alone on both', async () => {
    const { number, h2, seen, finish, events } = await startPort({ requestBodyTimeoutMs: 40 })
    const first = fetch(`http://127.0.0.1:${number}/stream`, { method: 'POST', body: 'one' })
    const second = ask(h2(), { ':path': '/stream', ':method': 'POST' }, 'two')
    await soon(() => expect(seen('/stream').started).toBe(2))
    await new Promise(resolve => setTimeout(resolve, 120))
    finish('/stream')
    expect([await (await first).text(), (await second).text]).toEqual(['begundone', 'begundone'])
    expect(events).toEqual([])
  })

  it('may take longer, or for ever, where the owner of the port says so', async () => {
    const bodyTimeoutMsFor = (req: { readonly url?: string | undefined }) =>
      req.url === '/echo' ? 0 : undefined
    const { raw, seen } = await startPort({ requestBodyTimeoutMs: 30 }, { bodyTimeoutMsFor })
    const [free, bound] = [await raw(), await raw()]
    free.send(half)
    bound.send(half.replace('/echo', '/silent'))
    await bound.ended
    free.send('x'.repeat(96))
    await free.until('halfxxx')
    expect(seen('/silent').closed).toBe(1)
  })
})

describe('an HTTP/2 session', () => {
  it('is ended after the idle time, also when the peer keeps its socket; a running call is not', async () => {
    const { raw, h2, finish, events, port } = await startPort({ idleSessionMs: 80 })
    const call = ask(h2(), { ':path': '/stream' })
    const idle = await raw()
    idle.send(Buffer.concat([PREFACE, SETTINGS]))
    await idle.ended
    expect(framesOf(idle.received())).toContainEqual({ type: FRAME.goAway, stream: 0 })
    expect(types(events)).toEqual(['session.idled'])
    await soon(() => expect(port.connections()).toBe(1))
    finish('/stream')
    expect((await call).text).toBe('begundone')
    await soon(() => expect(port.connections()).toBe(0))
  })

  it('of a peer that makes short calls is not idle', async () => {
    const { h2, events } = await startPort({ idleSessionMs: 60, checkIntervalMs: 20 })
    const session = h2()
    for (let call = 0; call < 20; call += 1) {
      expect((await ask(session, { ':path': '/plain' })).status).toBe(200)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    expect([session.closed, events]).toEqual([false, []])
  })

  it('of a dead peer is ended by an unanswered PING, and its handler sees the end', async () => {
    const { raw, seen, events } = await startPort({ pingIntervalMs: 40, pingTimeoutMs: 40 })
    const client = await raw()
    client.send(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/stream')]))
    await client.ended
    expect(framesOf(client.received())).toContainEqual({ type: FRAME.ping, stream: 0 })
    await soon(() => expect(seen('/stream').closed).toBe(1))
    expect(types(events)).toEqual(['ping.unanswered'])
  })

  it.each(['clear text', 'TLS'])('of a silent peer that answers PINGs goes on over %s', async over => {
    const tls = selfSigned()
    const limits = { pingIntervalMs: 20, pingTimeoutMs: 40 }
    const { h2, number, finish, seen, events } = await startPort(limits, over === 'TLS' ? { tls } : {})
    const session = over === 'TLS' ? h2(`https://127.0.0.1:${number}`, tls.cert) : h2()
    let pings = 0
    session.on('ping', () => {
      pings += 1
    })
    const call = ask(session, { ':path': '/stream' })
    await soon(() => expect(pings).toBeGreaterThan(4))
    expect(seen('/stream').closed).toBe(0)
    finish('/stream')
    expect((await call).text).toBe('begundone')
    expect(events).toEqual([])
  })

  it('of a peer that resets streams too fast is ended, and others are served', async () => {
    const { raw, h2, events, seen } = await startPort({ streamResetBurst: 20, streamResetRate: 1 })
    const client = await raw()
    client.send(Buffer.concat([PREFACE, SETTINGS]))
    const cancel = Buffer.alloc(4, constants.NGHTTP2_CANCEL)
    const resets = Array.from({ length: 200 }, (_, index) => 2 * index + 1).flatMap(stream => [
      requestFrame(stream, '/silent'),
      frame(FRAME.reset, 0, stream, cancel),
    ])
    client.send(Buffer.concat(resets))
    await client.ended
    await soon(() => expect(types(events)).toContain('session.failed'))
    await soon(() => expect(seen('/silent').closed).toBe(seen('/silent').started))
    expect(seen('/silent').started).toBeLessThan(100)
    expect((await ask(h2(), { ':path': '/plain' })).status).toBe(200)
  })

  it('is refused a stream above the most allowed, and ended when it knew the limit', async () => {
    const { h2, raw, seen } = await startPort({ maxConcurrentStreams: 3 })
    const session = h2()
    await once(session, 'remoteSettings')
    expect(session.remoteSettings.maxConcurrentStreams).toBe(3)
    const four = [1, 3, 5, 7].map(stream => requestFrame(stream, '/stream'))
    const unaware = await raw()
    unaware.send(Buffer.concat([PREFACE, SETTINGS, ...four]))
    await soon(() => expect(framesOf(unaware.received())).toContainEqual({ type: FRAME.reset, stream: 7 }))
    expect(seen('/stream')).toEqual({ started: 3, closed: 0 })
    const aware = await raw()
    aware.send(Buffer.concat([PREFACE, SETTINGS, frame(FRAME.settings, 1, 0), ...four]))
    await aware.ended
    expect(seen('/stream')).toEqual({ started: 3, closed: 0 })
  })
})

it('the default limits are positive numbers', () => {
  for (const [name, value] of Object.entries(DEFAULT_PORT_LIMITS))
    expect([name, value > 0]).toEqual([name, true])
})
