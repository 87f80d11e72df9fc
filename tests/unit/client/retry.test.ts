// What the client for TypeScript does with calls that fail, against scripted answers.
import { create } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect'
import { describe, expect, it } from 'vitest'
import { ChatService, type CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { askedDelayMs, errorInfoOf, isBrokenConnection, isPassing } from '../../../src/client/error-info.ts'
import { completeWithRetries } from '../../../src/client/retry.ts'
import { durationOf } from '../../../src/core/time.ts'
import { question } from '../../support/clients.ts'

const told = (code: Code, reason: ErrorReason, retryDelayMs?: number): ConnectError =>
  new ConnectError('why and what to do', code, undefined, [
    {
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, {
        reason,
        ...(retryDelayMs === undefined ? {} : { retryDelay: durationOf(retryDelayMs) }),
      }),
    },
  ])
const broken = new ConnectError('socket hang up', Code.Unavailable)

function scripted(...failures: readonly ConnectError[]) {
  const asked: CompleteRequest[] = []
  const transport = createRouterTransport(({ service }) => {
    service(ChatService, {
      complete: request => {
        asked.push(request)
        const failure = failures[asked.length - 1]
        if (failure !== undefined) throw failure
        return { id: 'resp_1' }
      },
    })
  })
  return { asked, chat: createClient(ChatService, transport) }
}

describe('a call with retries', () => {
  it('is made again under one key after a broken connection', async () => {
    const { chat, asked } = scripted(broken, broken)
    expect(await completeWithRetries(chat, question('auto', 'hi'))).toMatchObject({ id: 'resp_1' })
    expect(asked).toHaveLength(3)
    expect(new Set(asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    expect(asked[0]?.idempotencyKey).toMatch(/^[0-9a-f]{32}$/)
  })

  it('keeps the key that its caller chose, and another call has another one of its own', async () => {
    const { chat, asked } = scripted()
    await completeWithRetries(chat, { ...question('auto', 'hi'), idempotencyKey: 'mine' })
    await completeWithRetries(chat, question('auto', 'hi'))
    await completeWithRetries(chat, question('auto', 'hi'))
    expect(asked[0]?.idempotencyKey).toBe('mine')
    expect(asked[1]?.idempotencyKey).not.toBe(asked[2]?.idempotencyKey)
  })

  it.each([
    ['SHUTTING_DOWN', Code.Unavailable],
    ['OVERLOADED', Code.ResourceExhausted],
    ['RATE_LIMITED', Code.ResourceExhausted],
    ['TOO_MANY_CALLS', Code.ResourceExhausted],
    ['UPSTREAM_UNAVAILABLE', Code.Unavailable],
    ['UPSTREAM_LIMITED', Code.Unavailable],
  ] as const)('is made again after %s', async (reason, code) => {
    const { chat, asked } = scripted(told(code, ErrorReason[reason]))
    await completeWithRetries(chat, question('auto', 'hi'))
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['INVALID_REQUEST', Code.InvalidArgument],
    ['UNAUTHENTICATED', Code.Unauthenticated],
    ['BUDGET_SPENT', Code.ResourceExhausted],
    ['UPSTREAM_CREDENTIALS', Code.Unavailable],
    ['UPSTREAM_BROKEN', Code.Aborted],
    ['OUTCOME_UNKNOWN', Code.Aborted],
    ['CONTENT_REFUSED', Code.FailedPrecondition],
    ['INTERNAL', Code.Internal],
  ] as const)('is over after %s', async (reason, code) => {
    const { chat, asked } = scripted(told(code, ErrorReason[reason]))
    await expect(completeWithRetries(chat, question('auto', 'hi'))).rejects.toMatchObject({ code })
    expect(asked).toHaveLength(1)
  })

  it('waits for as long as it is asked to', async () => {
    const { chat } = scripted(told(Code.ResourceExhausted, ErrorReason.RATE_LIMITED, 400))
    const startedAt = performance.now()
    await completeWithRetries(chat, question('auto', 'hi'))
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(395)
  })

  it('does not wait for longer than it may', async () => {
    const limited = told(Code.ResourceExhausted, ErrorReason.RATE_LIMITED, 60_000)
    const { chat, asked } = scripted(limited)
    await expect(completeWithRetries(chat, question('auto', 'hi'))).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    })
    expect(asked).toHaveLength(1)
  })

  it('gives up after so many attempts with the last error', async () => {
    const { chat, asked } = scripted(broken, broken, new ConnectError('the last', Code.Unavailable))
    await expect(completeWithRetries(chat, question('auto', 'hi'), { attempts: 3 })).rejects.toMatchObject({
      rawMessage: 'the last',
    })
    expect(asked).toHaveLength(3)
  })

  it('ends in the middle of a wait when its caller has had enough', async () => {
    const { chat, asked } = scripted(told(Code.ResourceExhausted, ErrorReason.RATE_LIMITED, 9_000))
    const enough = new AbortController()
    const call = completeWithRetries(chat, question('auto', 'hi'), { signal: enough.signal })
    const failed = expect(call).rejects.toThrow('enough')
    await expect.poll(() => asked.length).toBe(1)
    enough.abort(new Error('enough'))
    await failed
    expect(asked).toHaveLength(1)
  })
})

describe('an error', () => {
  it('of the gateway says its reason and how long to wait', () => {
    const error = told(Code.ResourceExhausted, ErrorReason.RATE_LIMITED, 1_500)
    expect(errorInfoOf(error)).toMatchObject({ reason: ErrorReason.RATE_LIMITED })
    expect(askedDelayMs(error)).toBe(1_500)
    expect(isBrokenConnection(error)).toBe(false)
  })

  it('without a word of the gateway is that of a connection, unless it is about the request', () => {
    expect(errorInfoOf(broken)).toBeUndefined()
    expect(askedDelayMs(broken)).toBeUndefined()
    expect(isBrokenConnection(broken)).toBe(true)
    expect(isBrokenConnection(new TypeError('terminated'))).toBe(true)
    expect(isBrokenConnection(new ConnectError('no such path', Code.Unimplemented))).toBe(false)
    expect(isPassing(new ConnectError('sign in', Code.Unauthenticated))).toBe(false)
  })
})
