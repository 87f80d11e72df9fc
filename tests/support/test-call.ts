// A call as the inside of the service sees it, for tests: with a signal that the test holds.
import type { Call, CallFacts } from '../../src/core/call.ts'
import { DEFAULT_CALLER } from '../../src/core/caller.ts'
import type { GatewayError } from '../../src/core/errors.ts'

/** A call and the handles that end it and read what was noted. */
export interface TestCall {
  readonly call: Call
  readonly facts: () => CallFacts
  readonly end: (reason: GatewayError) => void
}

/** Makes a call of the default tenant that runs until the test ends it. */
export function createTestCall(): TestCall {
  const ending = new AbortController()
  let facts: CallFacts = {}
  return {
    call: {
      id: 'test-request',
      caller: DEFAULT_CALLER,
      startedAtMs: performance.now(),
      deadlineAtMs: performance.now() + 600_000,
      signal: ending.signal,
      note: more => {
        facts = { ...facts, ...more }
      },
    },
    facts: () => facts,
    end: reason => ending.abort(reason),
  }
}
