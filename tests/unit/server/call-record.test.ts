// What monitoring hears of a call: when it is known who calls, what it is while it runs, and its one end.
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { SeenCall } from '../../../src/server/call-record.ts'
import { type Asked, createExchanges } from '../../../src/server/exchange.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const asked: Asked = { door: 'connect', method: 'Do', protocol: 'grpc', isWatch: false, isCounted: true }
const acme = {
  tenant: 'acme',
  subject: 'key_1',
  scopes: [],
  key: { id: 'key_1', label: 'of acme' },
} as const

function setUp(own: Partial<Asked> = {}) {
  const clock = createHandClock()
  const began: SeenCall[] = []
  const ended: SeenCall[] = []
  const silent = () => undefined
  const exchanges = createExchanges({
    log: { debug: silent, info: silent, warn: silent, error: silent },
    metrics: { callEnded: silent },
    calls: { began: call => void began.push(call), ended: call => void ended.push(call) },
    clock,
    requestTimeoutMs: 60_000,
  })
  // Only its events and one flag are used.
  const res = Object.assign(new EventEmitter(), { writableFinished: false }) as unknown as ServerResponse
  const exchange = exchanges.open(res, 'id-1', { ...asked, ...own })
  exchange.identify({ tenant: '', subject: '', scopes: [] })
  return { clock, began, ended, res, exchange }
}

describe('a call', () => {
  it('is told when it is known who calls, can be looked at while it runs, and ends once', () => {
    const { clock, began, ended, exchange } = setUp()
    expect(began).toEqual([])
    exchange.identify(acme)
    exchange.identify(acme)
    expect(began).toHaveLength(1)
    const startedAt = clock.now()
    clock.pass(20)
    const attempts = [{ provider: 'glm', model: 'm' }]
    exchange.note({
      responseId: 'resp_1',
      isStreaming: true,
      route: () => ({ requestedModel: 'auto', attempts }),
    })
    expect(began[0]?.record()).toEqual({
      requestId: 'id-1',
      responseId: 'resp_1',
      method: 'Do',
      door: 'grpc',
      tenant: 'acme',
      keyId: 'key_1',
      keyLabel: 'of acme',
      user: '',
      conversationId: '',
      startedAt,
      isStreaming: true,
      stand: 'running',
      provider: '',
      model: '',
      route: { requestedModel: 'auto', attempts },
      isReplayed: false,
      requestBytes: 0,
      responseBytes: 0,
    })
    exchange.note({ provider: 'glm', model: 'm', firstTokenMs: 5, firstOutputMs: 12, overheadMs: 2 })
    exchange.close()
    exchange.close()
    expect(ended).toEqual(began)
    expect(ended[0]?.record()).toMatchObject({
      stand: 'succeeded',
      durationMs: 20,
      overheadMs: 2,
      firstTokenMs: 12,
      provider: 'glm',
    })
  })

  it('that is refused before it is known who calls only ends, and tells why', () => {
    const { began, ended, exchange } = setUp()
    exchange.fail(new GatewayError('UNAUTHENTICATED', 'who are you'))
    exchange.close()
    expect([began, ended[0]?.record()]).toMatchObject([
      [],
      { tenant: '', stand: 'failed', error: 'UNAUTHENTICATED', origin: 'client' },
    ])
  })

  it('that its client left or whose time is over was cancelled, and names nobody who did not answer', () => {
    const { ended, res, exchange } = setUp()
    exchange.identify(acme)
    exchange.note({ provider: 'glm', model: 'm' })
    res.emit('close')
    exchange.close()
    expect(ended[0]?.record()).toMatchObject({ stand: 'cancelled', error: 'CANCELLED', provider: '' })
  })

  it('runs until its detached work has ended, and then ended as that did', () => {
    const { clock, began, ended, res, exchange } = setUp()
    exchange.identify(acme)
    const work = exchange.detach()
    work.note({ responseId: 'resp_1' })
    res.emit('close')
    exchange.close()
    expect(ended).toEqual([])
    expect(began[0]?.record()).toMatchObject({ stand: 'running', responseId: 'resp_1' })
    clock.pass(50)
    work.note({ provider: 'glm', model: 'm' })
    work.close()
    expect(ended.map(call => call.record())).toMatchObject([
      { stand: 'succeeded', durationMs: 50, provider: 'glm', responseId: 'resp_1' },
    ])
  })

  it('says how long its bodies are so far, and keeps that at its end', () => {
    const { began, ended, exchange } = setUp()
    exchange.identify(acme)
    exchange.received(900)
    exchange.received(-600)
    exchange.sent(20)
    expect(began[0]?.record()).toMatchObject({ stand: 'running', requestBytes: 300, responseBytes: 20 })
    exchange.sent(5)
    exchange.close()
    expect(ended[0]?.record()).toMatchObject({ requestBytes: 300, responseBytes: 25 })
  })

  it('that does not count is not told', () => {
    const { began, ended, exchange } = setUp({ isCounted: false })
    exchange.identify(acme)
    exchange.close()
    expect([began, ended]).toEqual([[], []])
  })

  it('keeps no more of a name than a name needs', () => {
    const { ended, exchange } = setUp()
    exchange.note({ route: () => ({ requestedModel: 'x'.repeat(100_000) }) })
    exchange.close()
    expect(ended[0]?.record().route?.requestedModel).toHaveLength(257)
  })
})
