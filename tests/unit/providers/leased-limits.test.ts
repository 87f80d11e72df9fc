// An attempt that meets a limit: it waits for a key if it may, and its error says when a key can be asked again.
import { describe, expect, it } from 'vitest'
import type { Delta, Deltas } from '../../../src/core/delta.ts'
import { GatewayError, type GatewayErrorDetails } from '../../../src/core/errors.ts'
import { createKeyPool } from '../../../src/providers/keys.ts'
import { leased } from '../../../src/providers/leased.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { attempt, failure } from './attempt.ts'

const hello: readonly Delta[] = [{ type: 'text', text: 'hello' }]

async function* answering(): Deltas {
  yield hello
}

function limited(details: GatewayErrorDetails): () => Deltas {
  return async function* () {
    yield []
    throw new GatewayError('UPSTREAM_LIMITED', 'glm limits the rate of our calls', details)
  }
}

function rig(keys: readonly string[], maxConcurrent?: number) {
  const pool = createKeyPool({
    provider: 'glm',
    keys: keys.map(label => ({ secret: `secret-${label}`, label, maxConcurrent })),
    clock: createHandClock(),
    random: () => 0.5,
  })
  const run = (ask: () => Deltas, input = {}) => leased(pool, { ...attempt({}), ...input }, ask)
  return { pool, run }
}

describe('the error of a limit', () => {
  it.each<readonly [string, GatewayErrorDetails, GatewayErrorDetails]>([
    ['as long as the provider says', { retryDelayMs: 700 }, { retryDelayMs: 700, keyBackMs: 700 }],
    ['as long as we guess', {}, { retryDelayMs: 3000, keyBackMs: 3000 }],
    ['as long as the plan has none', { keyTrouble: 'plan_window' }, { keyBackMs: 3_600_000 }],
  ])('of the only key says when it is back: %s', async (_, details, told) => {
    const { run } = rig(['a'])
    expect((await failure(run(limited(details)))).error.details).toMatchObject(told)
  })

  it('of one key says that another can be asked at once', async () => {
    const { run, pool } = rig(['a', 'b'])
    const { error } = await failure(run(limited({ retryDelayMs: 700 })))
    expect(error.details).toMatchObject({ retryDelayMs: 700, keyBackMs: 0 })
    expect(pool.left('gpt-4.1')).toBe(1)
  })
})

describe('an attempt whose keys are full', () => {
  it('waits for one only if it may', async () => {
    const { run, pool } = rig(['a'], 1)
    const first = run(answering)[Symbol.asyncIterator]()
    await first.next()
    expect((await failure(run(answering))).error.reason).toBe('OVERLOADED')
    const labels: string[] = []
    const waiting = run(answering, {
      waiting: { tenant: 't', waitingMax: 1, waitMaxMs: 10_000 },
      useKey: (label: string) => void labels.push(label),
    })[Symbol.asyncIterator]()
    const step = waiting.next()
    expect(labels).toEqual([])
    await first.return?.(undefined)
    expect(await step).toEqual({ done: false, value: hello })
    expect(labels).toEqual(['a'])
    await waiting.return?.(undefined)
    expect(pool.states()).toEqual([{ label: 'a', running: 0 }])
  })

  it('leaves the queue when it is ended from outside', async () => {
    const { run, pool } = rig(['a'], 1)
    const lease = pool.acquire('gpt-4.1')
    const calling = new AbortController()
    const wait = { tenant: 't', waitingMax: 1, waitMaxMs: 10_000 }
    const failing = failure(run(answering, { waiting: wait, signal: calling.signal }))
    calling.abort(new GatewayError('CANCELLED', 'the caller left'))
    expect((await failing).error.reason).toBe('CANCELLED')
    lease.settle({ type: 'served' })
    expect(pool.states()).toEqual([{ label: 'a', running: 0 }])
  })
})
