// The signal of a stream: what ends it, and that it leaves nothing at the signal of its call.
import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { leaving } from '../../../src/chat/leaving.ts'
import { GatewayError } from '../../../src/core/errors.ts'

const late = new GatewayError('DEADLINE_EXCEEDED', 'too late')

describe('the signal of a stream', () => {
  it('ends with its call, for the reason of the call', () => {
    const call = new AbortController()
    const { signal } = leaving(call.signal)
    expect(signal.aborted).toBe(false)
    call.abort(late)
    expect(signal.reason).toBe(late)
  })

  it('has ended when its call had', () => {
    expect(leaving(AbortSignal.abort(late)).signal.reason).toBe(late)
  })

  it('ends when the reader leaves, and the call goes on', () => {
    const call = new AbortController()
    const { signal, leave } = leaving(call.signal)
    leave()
    expect(signal.reason).toMatchObject({ reason: 'CANCELLED' })
    expect(call.signal.aborted).toBe(false)
  })

  it('leaves no listener behind', () => {
    const call = new AbortController()
    const { over } = leaving(call.signal)
    expect(getEventListeners(call.signal, 'abort')).toHaveLength(1)
    over()
    expect(getEventListeners(call.signal, 'abort')).toHaveLength(0)
  })
})
