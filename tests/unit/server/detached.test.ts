// Work that outlives its client: whose line tells of it, what ends it, and that the process waits for it.
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { LogFields } from '../../../src/core/log.ts'
import { createDrain } from '../../../src/server/drain.ts'
import { type Asked, type CallEnd, createExchanges } from '../../../src/server/exchange.ts'

const asked: Asked = { door: 'test', method: 'Do', protocol: 'none', isWatch: false, isCounted: true }
const left = new GatewayError('CANCELLED', 'the client left')

function setUp({ requestTimeoutMs = 60_000, ...more }: Partial<Asked> & { requestTimeoutMs?: number } = {}) {
  const lines: { level: string; message: string; fields: LogFields }[] = []
  const ends: CallEnd[] = []
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields })
  const exchanges = createExchanges({
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    metrics: { callEnded: end => void ends.push(end) },
    clock: systemClock,
    requestTimeoutMs,
  })
  // Only its events and one flag are used.
  const res = Object.assign(new EventEmitter(), { writableFinished: false }) as unknown as ServerResponse
  const exchange = exchanges.open(res, 'id-1', { ...asked, ...more })
  return { lines, ends, exchanges, res, exchange }
}

const told = (lines: ReturnType<typeof setUp>['lines']) =>
  lines.map(({ message, fields }) => [message, fields['code'], fields['output_tokens']])

describe('detached work', () => {
  test("that ends before its client leaves is told in the client's line alone", () => {
    const { lines, ends, exchange } = setUp()
    const work = exchange.detach()
    work.note({ outputTokens: 5, provider: 'glm' })
    work.close()
    exchange.close()
    expect(told(lines)).toEqual([['call', 'OK', 5]])
    expect(ends.map(({ code }) => code)).toEqual(['OK'])
  })

  test('that goes on has a line of its own at its end, and the client is counted alone', () => {
    const { lines, ends, res, exchange } = setUp()
    exchange.identify({ tenant: 'acme', subject: '', scopes: [] })
    const work = exchange.detach()
    work.note({ responseId: 'resp_1' })
    res.emit('close')
    exchange.close()
    expect(work.signal.aborted).toBe(false)
    work.note({ outputTokens: 5 })
    work.close()
    work.close(new GatewayError('INTERNAL', 'too late'))
    expect(told(lines)).toEqual([
      ['call', 'CANCELLED', undefined],
      ['detached call', 'OK', 5],
    ])
    expect(lines[1]).toMatchObject({
      level: 'info',
      fields: { request_id: 'id-1', method: 'Do', tenant: 'acme', response_id: 'resp_1' },
    })
    expect(ends.map(({ code }) => code)).toEqual(['CANCELLED'])
  })

  test('that fails by our fault without its client is logged with the cause', () => {
    const { lines, exchange } = setUp()
    const work = exchange.detach()
    exchange.close()
    const cause = new Error('bug')
    work.close(new GatewayError('INTERNAL', 'internal error', { cause }))
    expect(lines[1]).toMatchObject({ level: 'error', message: 'detached call', fields: { err: cause } })
  })

  test('has the identity, the caller and the deadline of its call', () => {
    const { exchange } = setUp()
    const caller = { tenant: 'acme', subject: 'bob', scopes: [] }
    exchange.identify(caller)
    const { id, startedAtMs, deadlineAtMs } = exchange
    expect(exchange.detach()).toMatchObject({ id, caller, startedAtMs, deadlineAtMs })
  })

  test('ends with DEADLINE_EXCEEDED at the deadline of its call, whether or not the client is there', async () => {
    const { exchange, exchanges } = setUp({ requestTimeoutMs: 20 })
    const work = exchange.detach()
    exchange.close()
    const reason: unknown = await new Promise(resolve =>
      work.signal.addEventListener('abort', () => resolve(work.signal.reason)),
    )
    expect(reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    work.close()
    expect(exchanges.active()).toBe(0)
  })

  test('begun after the deadline is over at once', () => {
    const { exchange } = setUp({ timeoutMs: 0 })
    expect(exchange.detach().signal.reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
  })

  test('is ended by who holds it, for the first reason alone, and not after its end', () => {
    const { exchange } = setUp()
    const [work, over] = [exchange.detach(), exchange.detach()]
    work.abort(left)
    work.abort(new GatewayError('INTERNAL', 'later'))
    expect(work.signal.reason).toBe(left)
    over.close()
    over.abort(left)
    expect(over.signal.aborted).toBe(false)
  })
})

describe('the exchanges', () => {
  test('count a call once, with its client or without, and are idle only when its work is over', async () => {
    const { exchange, exchanges } = setUp()
    const work = exchange.detach()
    expect(exchanges.active()).toBe(1)
    exchange.close()
    expect(exchanges.active()).toBe(1)
    let isIdle = false
    const idle = exchanges.idle().then(() => {
      isIdle = true
    })
    await Promise.resolve()
    expect(isIdle).toBe(false)
    work.close()
    await idle
    expect(exchanges.active()).toBe(0)
  })

  test('end detached work with all the rest', () => {
    const { exchange, exchanges } = setUp()
    const work = exchange.detach()
    exchange.close()
    const leaving = new GatewayError('SHUTTING_DOWN', 'going')
    exchanges.endWatches(leaving)
    expect(work.signal.aborted).toBe(false)
    exchanges.abortAll(leaving)
    expect(work.signal.reason).toBe(leaving)
  })
})

describe('a drain', () => {
  const drainOf = (exchanges: ReturnType<typeof setUp>['exchanges'], drainTimeoutMs: number) =>
    createDrain({
      port: { goAway: () => undefined, closed: () => Promise.resolve(), destroy: () => undefined },
      exchanges,
      health: { drain: () => undefined },
      clock: systemClock,
      drainDelayMs: 0,
      drainTimeoutMs,
    })

  test('waits for work without a client', async () => {
    const { exchange, exchanges } = setUp()
    const work = exchange.detach()
    exchange.close()
    const result = drainOf(exchanges, 5_000).run()
    setTimeout(() => work.close(), 20)
    expect(await result).toMatchObject({ running: 1, aborted: 0 })
    expect(work.signal.aborted).toBe(false)
  })

  test('ends it with SHUTTING_DOWN after its time, and waits for its line', async () => {
    const { exchange, exchanges, lines } = setUp()
    const work = exchange.detach()
    exchange.close()
    work.signal.addEventListener('abort', () =>
      setTimeout(() => work.close(GatewayError.from(work.signal.reason)), 20),
    )
    expect(await drainOf(exchanges, 20).run()).toMatchObject({ running: 1, aborted: 1 })
    expect(lines.at(-1)?.fields).toMatchObject({ code: 'UNAVAILABLE', reason: 'SHUTTING_DOWN' })
  })
})
