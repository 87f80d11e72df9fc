// Calls inside of a request: each is identified, allowed, admitted and counted by itself, and ends with the request at the latest.
import { describe, expect, it } from 'vitest'
import type { Caller } from '../../../src/core/caller.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { type Admitted, type CallEnd, createExchanges } from '../../../src/server/exchange.ts'
import { type CarryingRequest, createInnerCalls } from '../../../src/server/inner-calls.ts'
import type { PortRequest } from '../../../src/server/port-handler.ts'

const ADA: Caller = { tenant: 'acme', subject: 'ada', scopes: ['chat'] }
const ASKED = {
  door: 'mcp',
  method: 'exai.v1.ChatService/Complete',
  protocol: 'mcp',
  isWatch: false,
  isCounted: true,
}
const ignore = (): void => undefined

function open(refusing?: { readonly scope?: GatewayError; readonly limit?: GatewayError }) {
  const ends: CallEnd[] = []
  const traced: string[] = []
  let given = 0
  const exchanges = createExchanges({
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    metrics: { callEnded: end => void ends.push(end) },
    clock: systemClock,
    requestTimeoutMs: 60_000,
  })
  const calls = createInnerCalls({
    exchanges,
    access: {
      authorize: () => {
        if (refusing?.scope !== undefined) throw refusing.scope
      },
    },
    async admit(call) {
      if (refusing?.limit !== undefined) throw refusing.limit
      const admission: Admitted = {
        giveBack: ignore,
        requestLimit: () => undefined,
        end() {
          given -= 1
        },
      }
      given += 1
      call.admitted(admission)
    },
    trace({ requestId }) {
      traced.push(requestId)
      return undefined
    },
  })
  const exchange = exchanges.open(undefined, 'request-1', { ...ASKED, method: 'unknown', isCounted: false })
  exchange.identify(ADA)
  // Nothing but the header of a request is looked at here.
  const req = { headers: {} } as PortRequest
  const carrier: CarryingRequest = { req, exchange }
  return { calls, carrier, exchange, exchanges, ends, traced, held: () => given }
}
describe('a call inside of a request', () => {
  it('has the id and the caller of the request, and is counted when it is closed', async () => {
    const { calls, carrier, ends, traced, held } = open()
    const call = await calls.open(carrier, ASKED)
    expect([call.id, call.caller, held()]).toEqual(['request-1', ADA, 1])
    call.close()
    expect(ends).toMatchObject([{ door: 'mcp', method: ASKED.method, code: 'OK' }])
    expect([held(), traced]).toEqual([0, ['request-1']])
  })

  it('is refused and counted when its caller lacks the scope or a limit is in the way', async () => {
    const scope = new GatewayError('PERMISSION_DENIED', 'it needs the scope files')
    const limit = new GatewayError('RATE_LIMITED', 'too many')
    for (const [refusing, reason] of [
      [{ scope }, 'PERMISSION_DENIED'] as const,
      [{ limit }, 'RATE_LIMITED'] as const,
    ]) {
      const { calls, carrier, ends, exchanges } = open(refusing)
      await expect(calls.open(carrier, ASKED)).rejects.toMatchObject({ reason })
      expect(ends).toMatchObject([{ method: ASKED.method, reason }])
      expect(exchanges.active()).toBe(1)
    }
  })

  it('ends when the request does, for the same reason', async () => {
    const { calls, carrier, exchange } = open()
    const call = await calls.open(carrier, ASKED)
    exchange.abort(new GatewayError('SHUTTING_DOWN', 'the service stops'))
    expect(call.signal.reason).toMatchObject({ reason: 'SHUTTING_DOWN' })
  })

  it('does not begin when the client has left before, and keeps nothing of a limit', async () => {
    const { calls, carrier, exchange, held } = open()
    exchange.abort(new GatewayError('CANCELLED', 'the client left'))
    await expect(calls.open(carrier, ASKED)).rejects.toMatchObject({ reason: 'CANCELLED' })
    expect(held()).toBe(0)
  })

  it('is told as refused when nobody knows which one it was', () => {
    const { calls, carrier, ends } = open()
    calls.refused(carrier, { ...ASKED, method: 'unknown' }, new GatewayError('INVALID_REQUEST', 'no JSON'))
    expect(ends).toMatchObject([{ method: 'unknown', reason: 'INVALID_REQUEST' }])
  })
})
