// One call from opening to its log line, without a network: the response is a stand-in that only closes.
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { LogFields } from '../../../src/core/log.ts'
import { type Asked, type CallEnd, createExchanges } from '../../../src/server/exchange.ts'

const asked: Asked = { door: 'test', method: 'Do', protocol: 'none', isWatch: false, isCounted: true }

function setUp({ requestTimeoutMs = 60_000, clock = systemClock } = {}) {
  const lines: { level: string; fields: LogFields }[] = []
  const ends: CallEnd[] = []
  const at =
    (level: string) =>
    (_message: string, fields: LogFields = {}): void =>
      void lines.push({ level, fields })
  const exchanges = createExchanges({
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    metrics: { callEnded: end => void ends.push(end) },
    clock,
    requestTimeoutMs,
  })
  const open = (more: Partial<Asked> = {}) => {
    // Only its events and one flag are used.
    const res = Object.assign(new EventEmitter(), { writableFinished: false }) as unknown as ServerResponse
    return { res, exchange: exchanges.open(res, 'id-1', { ...asked, ...more }) }
  }
  return { lines, ends, exchanges, open }
}

const aborted = (signal: AbortSignal) =>
  new Promise<unknown>(resolve => signal.addEventListener('abort', () => resolve(signal.reason)))

describe('an exchange', () => {
  test('closes once, with all that was noted', () => {
    const { lines, ends, open } = setUp()
    const { exchange } = open()
    exchange.identify({ tenant: 'acme', subject: 'bob', scopes: ['chat'] })
    exchange.note({ provider: 'glm', attempts: 2 })
    exchange.note({ model: 'glm-5', nanoUsd: 12n })
    exchange.close()
    exchange.close()
    expect(ends).toEqual([
      { door: 'test', method: 'Do', code: 'OK', reason: '', origin: '', durationMs: expect.any(Number) },
    ])
    expect(lines).toHaveLength(1)
    expect(lines[0]?.fields).toMatchObject({
      request_id: 'id-1',
      tenant: 'acme',
      provider: 'glm',
      model: 'glm-5',
      attempts: 2,
      nano_usd: 12n,
    })
  })

  test('needs no response: then whoever opened it says that the client has left', () => {
    const { ends, exchanges } = setUp()
    const exchange = exchanges.open(undefined, 'id-2', asked)
    expect(exchanges.active()).toBe(1)
    exchange.abort(new GatewayError('CANCELLED', 'the client left'))
    exchange.close()
    expect(exchanges.active()).toBe(0)
    expect(ends).toMatchObject([{ code: 'CANCELLED', reason: 'CANCELLED' }])
  })

  test('ends what it was let in with when it is over, and all work that goes on for it', () => {
    const { open } = setUp()
    const admission = () => {
      let ends = 0
      const end = (): void => {
        ends += 1
      }
      return { giveBack: () => undefined, requestLimit: () => undefined, end, ends: () => ends }
    }
    const [alone, detached, late] = [admission(), admission(), admission()]
    const first = open().exchange
    first.admitted(alone)
    expect([first.admission, alone.ends()]).toEqual([alone, 0])
    first.close()
    expect(alone.ends()).toBe(1)
    const second = open().exchange
    second.admitted(detached)
    const [one, two] = [second.detach(), second.detach()]
    one.close()
    second.close()
    expect(detached.ends()).toBe(0)
    two.close()
    expect(detached.ends()).toBe(1)
    // Its client left before there was an answer whether it may come in.
    const third = open().exchange
    third.close()
    third.admitted(late)
    expect(late.ends()).toBe(1)
  })

  test('keeps the first failure', () => {
    const { ends, open } = setUp()
    const { exchange } = open()
    exchange.fail(new GatewayError('UPSTREAM_BROKEN', 'broke'))
    exchange.fail(new GatewayError('INTERNAL', 'then this'))
    exchange.abort(new GatewayError('CANCELLED', 'left'))
    exchange.close()
    expect(ends[0]).toMatchObject({ code: 'ABORTED', reason: 'UPSTREAM_BROKEN', origin: 'upstream' })
  })

  test('that was aborted and failed by nothing else ends with the reason of the abort', () => {
    const { ends, open } = setUp()
    const { res, exchange } = open()
    res.emit('close')
    expect(exchange.signal.reason).toMatchObject({ reason: 'CANCELLED', origin: 'client' })
    exchange.close()
    expect(ends[0]).toMatchObject({ code: 'CANCELLED', reason: 'CANCELLED' })
  })

  test('whose answer went out whole is not cancelled by the close of its response', () => {
    const { ends, open } = setUp()
    const { res, exchange } = open()
    Object.assign(res, { writableFinished: true })
    res.emit('close')
    exchange.close()
    expect(ends[0]?.code).toBe('OK')
  })

  test.each([
    [undefined, 20],
    [10, 10],
    [5_000, 20],
  ])('asked for %s ms gets %s ms under a ceiling of 20 ms', async (timeoutMs, wantedMs) => {
    const { open } = setUp({ requestTimeoutMs: 20 })
    const { exchange } = open(timeoutMs === undefined ? {} : { timeoutMs })
    expect(exchange.deadlineAtMs - exchange.startedAtMs).toBeCloseTo(wantedMs, 6)
    expect(await aborted(exchange.signal)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
  })

  test('with a deadline of 0 is over before it begins', () => {
    const { exchange } = setUp().open({ timeoutMs: 0 })
    expect(exchange.signal.reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
  })

  test('of a watch has no deadline unless it asks for one', () => {
    const { open } = setUp({ requestTimeoutMs: 20 })
    expect(open({ isWatch: true }).exchange.deadlineAtMs).toBe(Number.POSITIVE_INFINITY)
    const { exchange } = open({ isWatch: true, timeoutMs: 90_000 })
    expect(exchange.deadlineAtMs - exchange.startedAtMs).toBeCloseTo(90_000, 6)
  })

  test('of a probe is in no metric, and above debug only when it failed by our fault', () => {
    const { lines, ends, open } = setUp()
    open({ isCounted: false }).exchange.close()
    const { exchange } = open({ isCounted: false })
    const cause = new Error('bug')
    exchange.fail(new GatewayError('INTERNAL', 'internal error', { cause }))
    exchange.close()
    expect(ends).toEqual([])
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'error'])
    expect(lines[1]?.fields['err']).toBe(cause)
  })

  test('that failed by a mistake of its client is no error of ours, whatever the code of its protocol', () => {
    const { lines, open } = setUp()
    const { exchange } = open()
    exchange.fail(new GatewayError('INVALID_REQUEST', 'a stray flag'), 'INTERNAL')
    exchange.close()
    expect(lines.map(({ level, fields }) => [level, fields['code'], fields['reason']])).toEqual([
      ['info', 'INTERNAL', 'INVALID_REQUEST'],
    ])
  })
})

describe('the exchanges', () => {
  test('are idle when the last one has closed', async () => {
    const { exchanges, open } = setUp()
    await exchanges.idle()
    const [a, b] = [open().exchange, open().exchange]
    let isIdle = false
    const idle = exchanges.idle().then(() => {
      isIdle = true
    })
    a.close()
    await Promise.resolve()
    expect([exchanges.active(), isIdle]).toEqual([1, false])
    b.close()
    await idle
    expect(exchanges.active()).toBe(0)
  })

  test('end watches alone, or all', () => {
    const { exchanges, open } = setUp()
    const [call, watch] = [open().exchange, open({ isWatch: true }).exchange]
    const leaving = new GatewayError('SHUTTING_DOWN', 'going')
    exchanges.endWatches(leaving)
    expect([call.signal.aborted, watch.signal.reason]).toEqual([false, leaving])
    exchanges.abortAll(leaving)
    expect(call.signal.reason).toBe(leaving)
  })

  test('refuse nothing until they are told to', () => {
    const { exchanges } = setUp()
    expect(exchanges.refusal()).toBeUndefined()
    const leaving = new GatewayError('SHUTTING_DOWN', 'going')
    exchanges.refuseNew(leaving)
    expect(exchanges.refusal()).toBe(leaving)
  })
})
