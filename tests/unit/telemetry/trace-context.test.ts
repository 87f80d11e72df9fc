// The W3C's trace context in header fields: what is taken, what is not, and what goes on.
import { describe, expect, test } from 'vitest'
import { passOn, remoteContext } from '../../../src/telemetry/trace-context.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const traceparent = `00-${traceId}-${spanId}-01`
const request = { requestId: 'r', door: 'connect', method: 'm', protocol: 'grpc' }

describe('a context', () => {
  test('is its trace, its span and whether it is recorded', () => {
    expect(remoteContext({ traceparent })).toEqual({ traceId, spanId, isSampled: true, state: '' })
    expect(remoteContext({ traceparent: `00-${traceId}-${spanId}-00` })?.isSampled).toBe(false)
    expect(remoteContext({ traceparent: `00-${traceId}-${spanId}-02` })?.isSampled).toBe(false)
  })

  test('of a later version is taken by its first four fields', () => {
    expect(remoteContext({ traceparent: `cc-${traceId}-${spanId}-01-what-the-future-brings` })).toMatchObject(
      { traceId },
    )
  })

  test.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['version ff', `ff-${traceId}-${spanId}-01`],
    ['no trace', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['no span', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['capital letters', traceparent.toUpperCase()],
    ['more fields than version 00 has', `${traceparent}-more`],
    ['a short trace', `00-${traceId.slice(1)}-${spanId}-01`],
    ['a very long one', `cc-${traceId}-${spanId}-01-${'x'.repeat(600)}`],
    ['a line end', `${traceparent}\r\nx-evil: 1`],
    ['several', [traceparent, traceparent]],
  ])('that is %s is none', (_, value) => {
    expect(remoteContext({ traceparent: value })).toBeUndefined()
  })

  test('has the state of other vendors as it came', () => {
    const tracestate = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'
    expect(remoteContext({ traceparent, tracestate })?.state).toBe(tracestate)
    expect(remoteContext({ traceparent, tracestate: ['rojo=1', 'congo=2'] })?.state).toBe('rojo=1,congo=2')
  })

  test.each(['no member', 'a=b\u0000', `a=${'x'.repeat(600)}`, 'ä=1', 'a=b\r\nx: 1'])(
    'drops a state that is none: %j',
    tracestate => {
      expect(remoteContext({ traceparent, tracestate })).toMatchObject({ traceId, state: '' })
    },
  )
})

describe('without a collector', () => {
  test('a context goes on unchanged', () => {
    const trace = passOn({ ...request, headers: { traceparent, tracestate: 'a=b' } })
    expect(trace?.traceId).toBe(traceId)
    const attempt = trace?.attemptBegan({}, { provider: 'p', model: 'm', isStream: false })
    expect(attempt?.headersTo('https://api.example.com/v1')).toEqual({ traceparent, tracestate: 'a=b' })
  })

  test('a call without one is not traced', () => {
    expect(passOn({ ...request, headers: {} })).toBeUndefined()
  })
})
