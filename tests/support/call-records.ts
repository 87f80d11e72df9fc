// Records of calls and the callers who look at them, for tests of what monitoring shows.
import { type Caller, DEFAULT_CALLER, type Scope } from '../../src/core/caller.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { CallRecord } from '../../src/core/gateway-event.ts'
import type { WatchCall } from '../../src/status/watchers.ts'
import { createTestCall } from './test-call.ts'

/** A call that succeeded at once, with what a test says of it. */
export function callRecordOf(own: Partial<CallRecord> = {}): CallRecord {
  return {
    requestId: 'r1',
    responseId: '',
    method: 'exai.v1.ChatService/Complete',
    door: 'connect',
    tenant: 'acme',
    keyId: '',
    keyLabel: '',
    user: '',
    conversationId: '',
    startedAt: Date.parse('2026-11-22T17:00:00Z'),
    durationMs: 10,
    isStreaming: false,
    stand: 'succeeded',
    provider: '',
    model: '',
    isReplayed: false,
    requestBytes: 0,
    responseBytes: 0,
    ...own,
  }
}

/** A caller of a tenant. */
export function callerOf(tenant: string, ...scopes: readonly Scope[]): Caller {
  return { ...DEFAULT_CALLER, tenant, scopes }
}

/** A call that watches, and the error with which it was ended. */
export function watchCallOf(caller: Caller): {
  readonly call: WatchCall
  readonly ended: () => GatewayError | undefined
} {
  const { call, end } = createTestCall()
  let why: GatewayError | undefined
  return {
    call: {
      ...call,
      caller,
      abort(error) {
        why ??= error
        end(error)
      },
    },
    ended: () => why,
  }
}
