// What becomes of a call that is refused because there is too much to do: nothing of it is read, asked or remembered, and it is counted.
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { connectCorsNeeds } from '../../../src/doors/connect/cors-needs.ts'
import { createCors } from '../../../src/server/cors.ts'
import type { Door } from '../../../src/server/door.ts'
import { type Asked, createExchanges } from '../../../src/server/exchange.ts'
import { createHandler } from '../../../src/server/handler.ts'
import { openGuard } from '../../../src/server/hosts.ts'
import { createInnerCalls } from '../../../src/server/inner-calls.ts'
import { createPort, type Port } from '../../../src/server/port.ts'
import type { PortRequest } from '../../../src/server/port-handler.ts'
import { createSocketCalls } from '../../../src/server/socket-calls.ts'

const ASKED: Asked = {
  door: 'test',
  method: 'exai.v1.ChatService/Complete',
  protocol: 'test',
  isWatch: false,
  isCounted: true,
}
const OVERLOADED = new GatewayError('OVERLOADED', 'too much', { retryDelayMs: 1_000 })
const CARRIER = { headers: {}, rawHeaders: [] } as unknown as PortRequest

let port: Port | undefined
afterEach(async () => {
  port?.destroy()
  await port?.closed()
})

function setUp(shed: (asked: Asked) => GatewayError | undefined) {
  const told: string[] = []
  const quiet = (): void => undefined
  const exchanges = createExchanges({
    log: {
      debug: line => told.push(`debug ${line}`),
      info: line => told.push(`info ${line}`),
      warn: quiet,
      error: quiet,
    },
    metrics: { callEnded: ({ reason }) => told.push(`counted ${reason}`) },
    calls: { began: () => told.push('began'), ended: () => told.push('ended') },
    clock: systemClock,
    requestTimeoutMs: 10_000,
  })
  const access = {
    authenticate: () => {
      told.push('authenticated')
      return { tenant: 'acme', subject: 'ada', scopes: ['chat' as const] }
    },
    isOpen: () => false,
    authorize: quiet,
  }
  const admit = (): undefined => {
    told.push('admitted')
  }
  return { told, exchanges, shared: { exchanges, access, admit, shed, clock: systemClock } }
}

describe('a call that is shed', () => {
  it('is answered by its door before its body is read and before anybody is asked, and has no line and no record', async () => {
    const { told, exchanges, shared } = setUp(() => OVERLOADED)
    const door: Door = {
      asks: () => ASKED,
      serve: (_req, res) => void res.end('served'),
      refuse(req, res, exchange, error) {
        told.push(`refused ${error.reason} ${req.readableDidRead}`)
        exchange.fail(error)
        exchange.close()
        res.statusCode = 503
        res.end()
      },
    }
    const handler = createHandler({
      ...shared,
      doors: [door],
      routes: (_req, res) => void res.end('page'),
      guard: openGuard,
      cors: createCors([], connectCorsNeeds),
      trace: () => {
        told.push('traced')
        return undefined
      },
      countShed: ({ method }) => told.push(`shed ${method}`),
    })
    port = createPort({ handler })
    const at = await port.listen({ host: '127.0.0.1', port: 0 })
    const reply = await fetch(`http://127.0.0.1:${at.port}/`, { method: 'POST', body: 'x'.repeat(100_000) })
    await reply.arrayBuffer()
    expect(reply.status).toBe(503)
    expect(told).toEqual([`shed ${ASKED.method}`, 'refused OVERLOADED false', 'debug call'])
    // A process that ends says so, and nothing else.
    exchanges.refuseNew(new GatewayError('SHUTTING_DOWN', 'it ends'))
    told.length = 0
    await (await fetch(`http://127.0.0.1:${at.port}/`, { method: 'POST' })).arrayBuffer()
    expect(told).toContain('refused SHUTTING_DOWN false')
  })

  it('inside of a request ends before its limits are asked', async () => {
    const { told, exchanges, shared } = setUp(({ method }) =>
      method === ASKED.method ? OVERLOADED : undefined,
    )
    const calls = createInnerCalls(shared)
    const exchange = exchanges.open(undefined, 'request-1', { ...ASKED, method: 'unknown', isCounted: false })
    await expect(calls.open({ req: CARRIER, exchange }, ASKED)).rejects.toBe(OVERLOADED)
    expect(told).toContain('counted OVERLOADED')
    expect(told).not.toContain('admitted')
    const other = await calls.open({ req: CARRIER, exchange }, { ...ASKED, method: 'another' })
    expect(told).toContain('admitted')
    other.close()
  })

  it('on a lasting connection ends before anybody is asked who calls', async () => {
    const { told, shared } = setUp(({ method }) => (method === ASKED.method ? OVERLOADED : undefined))
    const calls = createSocketCalls(shared)
    const call = calls.open(CARRIER, undefined, ASKED)
    await expect(calls.enter(call, CARRIER)).rejects.toBe(OVERLOADED)
    expect(told).not.toContain('authenticated')
    const other = calls.open(CARRIER, undefined, { ...ASKED, method: 'another' })
    await calls.enter(other, CARRIER)
    expect(told).toContain('authenticated')
    other.close()
    call.close()
  })
})
