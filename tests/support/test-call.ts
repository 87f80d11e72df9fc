// A call as the inside of the service sees it, for tests: with a signal that the test holds.
import type { CallFacts, ClientCall, DetachedCall } from '../../src/core/call.ts'
import { DEFAULT_CALLER } from '../../src/core/caller.ts'
import type { GatewayError } from '../../src/core/errors.ts'

/** Work that was detached from a call, and how it ended. */
export interface TestDetached {
  readonly call: DetachedCall
  /** Whether it was closed, and with what failure. */
  readonly closed: () => { readonly failure: GatewayError | undefined } | undefined
}

/** A call and the handles that end it and read what was noted. */
export interface TestCall {
  readonly call: ClientCall
  readonly facts: () => CallFacts
  readonly end: (reason: GatewayError) => void
  /** What was detached from it, oldest first. */
  readonly detached: readonly TestDetached[]
}

/** Makes a call, of the default tenant unless another is named, that runs until the test ends it. */
export function createTestCall(tenant = DEFAULT_CALLER.tenant): TestCall {
  const ending = new AbortController()
  const detached: TestDetached[] = []
  let facts: CallFacts = {}
  const identity = {
    id: 'test-request',
    caller: { ...DEFAULT_CALLER, tenant },
    startedAtMs: performance.now(),
    deadlineAtMs: performance.now() + 600_000,
    note: (more: CallFacts): void => {
      facts = { ...facts, ...more }
    },
  }

  function detach(): DetachedCall {
    const own = new AbortController()
    let closed: { readonly failure: GatewayError | undefined } | undefined
    const call: DetachedCall = {
      ...identity,
      signal: own.signal,
      abort: reason => own.abort(reason),
      close: failure => {
        closed ??= { failure }
      },
    }
    detached.push({ call, closed: () => closed })
    return call
  }

  return {
    call: { ...identity, signal: ending.signal, detach },
    facts: () => facts,
    end: reason => ending.abort(reason),
    detached,
  }
}
