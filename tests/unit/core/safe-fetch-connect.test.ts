// How a download connects: names that are not found, addresses that do not answer, certificates, and callers that leave.
import { createServer } from 'node:https'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { type Dial, dialTcp } from '../../../src/core/safe-fetch-connect.ts'
import { selfSigned } from '../../support/self-signed.ts'
import { fault, fetchRig, listening, mediaHost, PUBLIC, rawHost, text } from './safe-fetch-rig.ts'

const refused = (message: string) => ({
  reason: 'INVALID_REQUEST',
  message: expect.stringContaining(message),
})
const unavailable = (message: string) => ({
  reason: 'UPSTREAM_UNAVAILABLE',
  message: expect.stringContaining(message),
})
const never = (): Promise<never> => new Promise(() => undefined)

describe('a name', () => {
  it.each([
    ['ENOTFOUND', refused('is not known')],
    ['ENODATA', refused('is not known')],
    ['EAI_AGAIN', unavailable("can't be looked up now")],
    ['ETIMEOUT', unavailable("can't be looked up now")],
  ])('for which the resolver says %s has its own error', async (code, expected) => {
    const { get, dialled } = fetchRig({ resolve: () => Promise.reject(fault(code)) })
    await expect(get('http://media.example/')).rejects.toMatchObject(expected)
    expect(dialled).toEqual([])
  })

  it.each([[[]], [['localhost']], [[PUBLIC, '127.1']]])(
    'with the addresses %j is not known, whatever is allowed',
    async addresses => {
      const { get, dialled } = fetchRig({ allowPrivate: true, names: { 'media.example': [addresses] } })
      await expect(get('http://media.example/')).rejects.toMatchObject(refused('is not known'))
      expect(dialled).toEqual([])
    },
  )

  it('that the resolver never finds ends with the time to connect', async () => {
    const { get } = fetchRig({ resolve: never, limits: { connectMs: 20 } })
    await expect(get('http://media.example/')).rejects.toMatchObject(unavailable('no connection'))
  })
})

describe('several addresses', () => {
  it('are tried in turn until one serves, the families one after the other', async () => {
    const host = await mediaHost((_, response) => response.end('a cat'))
    const { get, dialled } = fetchRig({
      names: { 'media.example': [['2606::1', '2606::2', '8.8.8.8', PUBLIC]] },
      hosts: { [PUBLIC]: host.port },
    })
    expect(text((await get('http://media.example/')).bytes)).toBe('a cat')
    expect(dialled).toEqual(['2606::1 80', '8.8.8.8 80', '2606::2 80', `${PUBLIC} 80`])
  })

  it('are not all tried: after four the host is out of reach', async () => {
    const { get, dialled } = fetchRig({
      names: { 'media.example': [['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4', '1.1.1.5', '1.1.1.6']] },
    })
    await expect(get('http://media.example/')).rejects.toMatchObject(refused("can't be reached"))
    expect(dialled).toEqual(['1.1.1.1 80', '1.1.1.2 80', '1.1.1.3 80', '1.1.1.4 80'])
  })

  it('share the five seconds evenly, and give up with them', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const dialled: string[] = []
    const connect: Dial = ({ address }) => {
      dialled.push(address)
      return never()
    }
    const { get } = fetchRig({ connect, names: { 'media.example': [['1.1.1.1', PUBLIC]] } })
    const failed = expect(get('http://media.example/')).rejects.toMatchObject(unavailable('no connection'))
    await vi.advanceTimersByTimeAsync(2499)
    expect(dialled).toEqual(['1.1.1.1'])
    await vi.advanceTimersByTimeAsync(1)
    expect(dialled).toEqual(['1.1.1.1', PUBLIC])
    await vi.advanceTimersByTimeAsync(2500)
    await failed
    expect(vi.getTimerCount()).toBe(0)
  })

  it('of which one took too long are unavailable, even if another one refused', async () => {
    const connect: Dial = target =>
      target.address === '1.1.1.1' ? never() : Promise.reject(fault('ECONNREFUSED'))
    const { get } = fetchRig({
      connect,
      limits: { connectMs: 40 },
      names: { 'media.example': [['1.1.1.1', PUBLIC]] },
    })
    await expect(get('http://media.example/')).rejects.toMatchObject(unavailable('no connection'))
  })
})

describe('https', () => {
  async function secureHost() {
    const { cert, key } = selfSigned()
    const named: string[] = []
    // Asked only by who sends a name (RFC 6066); without an answer the one certificate is used.
    const SNICallback = (name: string, done: (error: null) => void): void => {
      named.push(name)
      done(null)
    }
    const server = createServer({ cert, key, SNICallback }, (_, response) => response.end('a cat'))
    return { ...(await listening(server)), cert, named }
  }

  it('downloads from a host whose certificate is for it', async () => {
    const host = await secureHost()
    const { get } = fetchRig({ allowPrivate: true, ca: host.cert })
    expect(text((await get(`https://127.0.0.1:${host.port}/`)).bytes)).toBe('a cat')
    expect(host.named).toEqual([])
  })

  it('asks for the name of the URL, and trusts no certificate that is only for the address', async () => {
    const host = await secureHost()
    const { get, dialled } = fetchRig({
      ca: host.cert,
      names: { 'media.example.': [[PUBLIC]] },
      hosts: { [PUBLIC]: host.port },
    })
    const failure = await get('https://media.example./').catch((error: unknown) => error)
    expect(failure).toMatchObject(refused('no valid certificate'))
    expect(failure).toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID', host: 'media.example' } })
    expect(dialled).toEqual([`${PUBLIC} 443`])
    await host.allClosed()
    expect(host.named).toEqual(['media.example'])
  })

  it('trusts no certificate that nobody has signed', async () => {
    const host = await secureHost()
    const { get } = fetchRig({ allowPrivate: true })
    await expect(get(`https://127.0.0.1:${host.port}/`)).rejects.toMatchObject(
      refused('no valid certificate'),
    )
    await host.allClosed()
  })

  it.each([
    ['answers without TLS', false, refused("can't be reached")],
    ['says nothing in the handshake', true, unavailable('no connection')],
  ])('fails on a host that %s', async (_, isSilent, expected) => {
    const host = await rawHost(isSilent ? '' : 'HTTP/1.1 200 OK\r\n\r\n', isSilent)
    const { get } = fetchRig({ allowPrivate: true, limits: { connectMs: isSilent ? 100 : 5000 } })
    await expect(get(`https://127.0.0.1:${host.port}/`)).rejects.toMatchObject(expected)
    await host.allClosed()
  })
})

describe('a caller that leaves', () => {
  it('before the download dials nothing', async () => {
    const { get, asked, dialled } = fetchRig()
    const left = get('http://media.example/', { signal: AbortSignal.abort() })
    await expect(left).rejects.toMatchObject({ reason: 'CANCELLED' })
    expect([asked, dialled]).toEqual([[], []])
  })

  it.each(['resolve', 'connect'] as const)('ends what waits to %s', async stage => {
    const caller = new AbortController()
    const { get } = fetchRig({
      names: { 'media.example': [[PUBLIC]] },
      [stage]: () => {
        queueMicrotask(() => caller.abort())
        return new Promise(() => undefined)
      },
    })
    const left = get('http://media.example/', { signal: caller.signal })
    await expect(left).rejects.toMatchObject({ reason: 'CANCELLED' })
  })

  it('in the moment in which the connection stands leaves none behind', async () => {
    const caller = new AbortController()
    const host = await mediaHost((_, response) => response.end('a cat'))
    const connect: Dial = async (_, signal) => {
      const socket = await dialTcp({ address: '127.0.0.1', port: host.port }, signal)
      caller.abort()
      return socket
    }
    const { get } = fetchRig({ allowPrivate: true, connect })
    await expect(get('http://127.0.0.1/', { signal: caller.signal })).rejects.toMatchObject({
      reason: 'CANCELLED',
    })
    await host.allClosed()
    expect(host.requests).toEqual([])
  })

  it.each(['head', 'body'])(
    'while it waits for the %s closes the connection with its own reason',
    async stage => {
      const caller = new AbortController()
      const reason = new GatewayError('DEADLINE_EXCEEDED', 'the deadline has passed')
      const host = await mediaHost((_, response) => {
        if (stage === 'body') response.write('half of a c')
        setImmediate(() => caller.abort(reason))
      })
      const { get } = fetchRig({ allowPrivate: true })
      await expect(get(`http://127.0.0.1:${host.port}/`, { signal: caller.signal })).rejects.toBe(reason)
      await host.allClosed()
    },
  )
})
