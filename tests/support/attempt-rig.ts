// One attempt whose clock a test moves and whose call it ends, and what that attempt has left behind.
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, vi } from 'vitest'
import { RouteAttempt_Outcome } from '#gen/exai/v1/route_pb'
import { assumedEntry } from '../../src/catalogue/configured.ts'
import type { Delta } from '../../src/core/delta.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { Provider } from '../../src/core/provider.ts'
import { type Attempt, createAttempt } from '../../src/routing/attempt.ts'
import type { AttemptLimits } from '../../src/routing/attempt-silences.ts'
import { ask } from './request.ts'
import { createScriptedProvider } from './scripted-provider.ts'

/** What an attempt leaves behind when it has cleaned up. */
export const nothing = { listeners: 0, timers: 0 }

const running = new Set<unknown>()

/** Notes which timers run during each test of the file. */
export function watchTimers(): void {
  const { setTimeout: start, clearTimeout: stop } = globalThis
  beforeEach(() => {
    running.clear()
    // The one cast: the real function has overloads that no implementation can spell.
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) => {
      const timer = start(work, ms)
      running.add(timer)
      return timer
    }) as typeof start)
    vi.spyOn(globalThis, 'clearTimeout').mockImplementation(timer => {
      running.delete(timer)
      stop(timer)
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })
}

/** An attempt with a clock that the test moves; its limits run on real time. Needs `watchTimers`. */
export function rigOf(provider: Provider, limits: AttemptLimits = { firstTokenMs: 10_000, idleMs: 10_000 }) {
  const calling = new AbortController()
  let nowMs = 1000
  const request = ask('hi')
  const attempt = createAttempt({
    candidate: { provider, model: assumedEntry(provider.id, 'm'), reason: 'explicit model' },
    signal: calling.signal,
    question: () => ({ request, messages: request.messages, stream: true }),
    limits,
    clock: { now: () => nowMs, monotonic: () => nowMs },
    callStartedAtMs: 600,
  })
  return {
    attempt,
    calling,
    pass: (ms: number) => {
      nowMs += ms
    },
    left: () => ({
      listeners: getEventListeners(calling.signal, 'abort').length,
      timers: running.size,
    }),
  }
}

/** An attempt that only tells what a test says of it. */
export function toldAttempt(told: Partial<Attempt> = {}): Attempt {
  const provider = createScriptedProvider('one', [])
  return {
    candidate: { provider, model: assumedEntry('one', 'one-model'), reason: 'explicit model' },
    cause: 'first',
    begin: async () => [],
    next: async () => undefined,
    async *rest() {},
    cancel: async () => undefined,
    record: () => ({ outcome: RouteAttempt_Outcome.SUCCEEDED }),
    startedAtMs: 0,
    durationMs: () => 0,
    sentMs: () => 0,
    serviceTier: () => undefined,
    firstTokenMs: () => undefined,
    streamMs: () => 0,
    mayBeBilled: () => true,
    embedded: () => undefined,
    warnings: [],
    counts: () => undefined,
    ...told,
  }
}

/** Reads the rest of an answer. */
export async function restOf(attempt: Attempt): Promise<readonly Delta[]> {
  const deltas: Delta[] = []
  for await (const batch of attempt.rest()) deltas.push(...batch)
  return deltas
}

/** The error that some work ends with; fails the test when it ends well. */
export const failureOf = (work: Promise<unknown>): Promise<GatewayError> =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: GatewayError) => error,
  )
