// The one error class: each reason has its code and side, and nothing about a fault is lost on its way out.
import { describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { GatewayError, REASONS, type Reason, StatusCode, wireReason } from '../../../src/core/errors.ts'

// The contract's table: which reasons stand under which code.
const contract: Readonly<Record<string, readonly Reason[]>> = {
  INVALID_ARGUMENT: ['INVALID_REQUEST', 'UNSUPPORTED', 'CONTEXT_TOO_LONG'],
  UNAUTHENTICATED: ['UNAUTHENTICATED'],
  PERMISSION_DENIED: ['PERMISSION_DENIED'],
  NOT_FOUND: [
    'MODEL_NOT_FOUND',
    'FILE_NOT_FOUND',
    'CONVERSATION_NOT_FOUND',
    'STREAM_NOT_FOUND',
    'KEY_NOT_FOUND',
  ],
  FAILED_PRECONDITION: ['NO_CANDIDATE', 'CONTENT_REFUSED', 'IDEMPOTENCY_MISMATCH'],
  RESOURCE_EXHAUSTED: ['RATE_LIMITED', 'BUDGET_SPENT', 'TOO_MANY_CALLS', 'OVERLOADED', 'STORAGE_FULL'],
  UNAVAILABLE: ['UPSTREAM_UNAVAILABLE', 'UPSTREAM_LIMITED', 'UPSTREAM_CREDENTIALS', 'SHUTTING_DOWN'],
  ABORTED: ['UPSTREAM_BROKEN', 'STREAM_LOST', 'OUTCOME_UNKNOWN'],
  DEADLINE_EXCEEDED: ['DEADLINE_EXCEEDED'],
  CANCELLED: ['CANCELLED'],
  INTERNAL: ['INTERNAL'],
}

describe('a reason', () => {
  it.each(Object.entries(contract))('under %s has that code', (code, reasons) => {
    for (const reason of reasons) expect(new GatewayError(reason, 'x').code).toBe(code)
  })

  it('stands in the contract, and every one of the contract is here', () => {
    expect(Object.keys(REASONS).sort()).toEqual(Object.values(contract).flat().sort())
  })

  it('has a number of its own on the wire', () => {
    const numbers = Object.values(contract).flat().map(wireReason)
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(numbers).not.toContain(ErrorReason.UNSPECIFIED)
  })

  it('has a code with the number that gRPC gives it', () => {
    expect(StatusCode).toMatchObject({ CANCELLED: 1, INVALID_ARGUMENT: 3, ABORTED: 10, UNAVAILABLE: 14 })
  })
})

describe('an error', () => {
  it('is on the side that its reason says, unless it says otherwise', () => {
    expect(new GatewayError('INVALID_REQUEST', 'x').origin).toBe('client')
    expect(new GatewayError('UPSTREAM_BROKEN', 'x').origin).toBe('upstream')
    expect(new GatewayError('INTERNAL', 'x').origin).toBe('gateway')
    expect(new GatewayError('INVALID_REQUEST', 'x', { origin: 'upstream' }).origin).toBe('upstream')
  })

  it('without a cause has no such property', () => {
    expect(new GatewayError('INTERNAL', 'x')).not.toHaveProperty('cause')
  })

  it('with more details keeps its reason, message, cause and other details', () => {
    const cause = new TypeError('original')
    const first = new GatewayError('UPSTREAM_LIMITED', 'slow down', {
      cause,
      retryDelayMs: 5,
      provider: 'one',
    })
    const second = first.with({ provider: 'two', model: 'm' })
    expect(second).toMatchObject({
      reason: 'UPSTREAM_LIMITED',
      message: 'slow down',
      details: { provider: 'two', model: 'm', retryDelayMs: 5 },
    })
    expect(second.cause).toBe(cause)
    expect(second).toBeInstanceOf(GatewayError)
    expect(first.details.provider).toBe('one')
  })

  it('is given a new cause when one is named', () => {
    const cause = new Error('later')
    expect(new GatewayError('INTERNAL', 'x', { cause: new Error('first') }).with({ cause }).cause).toBe(cause)
  })
})

describe('a caught value', () => {
  it('that is one of ours stays itself', () => {
    const error = new GatewayError('OVERLOADED', 'x')
    expect(GatewayError.from(error)).toBe(error)
  })

  it.each([
    ['an error', new TypeError('secret')],
    ['an abort', new DOMException('secret', 'AbortError')],
    ['a text', 'secret'],
    ['null', null],
    ['something that only looks like ours', { reason: 'OVERLOADED', message: 'secret' }],
  ])('that is %s becomes INTERNAL, and says nothing of it to the caller', (_, value) => {
    const error = GatewayError.from(value)
    expect([error.reason, error.message]).toEqual(['INTERNAL', 'internal error'])
    expect(error.cause).toBe(value)
  })
})
