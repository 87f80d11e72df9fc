// An attempt with a key of the pool: what each way out says about the key, and that each gives it back.
import { describe, expect, it } from 'vitest'
import type { Delta, Deltas } from '../../../src/core/delta.ts'
import { GatewayError, type GatewayErrorDetails, type Reason } from '../../../src/core/errors.ts'
import { keyOutcomeOf } from '../../../src/providers/key-outcome.ts'
import { createKeyPool } from '../../../src/providers/keys.ts'
import { leased } from '../../../src/providers/leased.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { attempt, collect, failure } from './attempt.ts'

const hello: readonly Delta[] = [{ type: 'text', text: 'hello' }]

function rig() {
  const clock = createHandClock()
  const pool = createKeyPool({
    provider: 'glm',
    keys: [{ secret: 'secret-1', label: 'first' }],
    clock,
  })
  const calling = new AbortController()
  const labels: string[] = []
  const input = {
    ...attempt({}, { signal: calling.signal }),
    useKey: (label: string) => void labels.push(label),
  }
  const run = (ask: () => Deltas): AsyncGenerator<readonly Delta[]> =>
    leased(pool, input, ask)[Symbol.asyncIterator]() as AsyncGenerator<readonly Delta[]>
  return { clock, pool, calling, labels, run, running: () => pool.states()[0]?.running }
}

async function* answering(): Deltas {
  yield hello
  yield hello
}

const refused = new GatewayError('UPSTREAM_CREDENTIALS', 'glm refuses our key', { upstreamStatus: 401 })

describe('an attempt with a key', () => {
  it('takes it when it begins, names it by its label, and gives it back at the end', async () => {
    const { labels, run, running } = rig()
    const answer = run(answering)
    expect(running()).toBe(0)
    await answer.next()
    expect({ labels, running: running() }).toEqual({ labels: ['first'], running: 1 })
    expect(await collect(answer)).toEqual(hello)
    expect(running()).toBe(0)
  })

  it('gives it back when the reader leaves in the middle', async () => {
    const { pool, run, running } = rig()
    const answer = run(answering)
    await answer.next()
    await answer.return(undefined)
    expect(running()).toBe(0)
    expect(pool.outage()).toBeUndefined()
  })

  it('takes none when the reader leaves before it begins', async () => {
    const { labels, run, running } = rig()
    const answer = run(answering)
    await answer.return(undefined)
    expect(await answer.next()).toEqual({ done: true, value: undefined })
    expect({ labels, running: running() }).toEqual({ labels: [], running: 0 })
  })

  it('gives it back only when what was asked for has come, to a reader that leaves while it waits', async () => {
    const { run, running } = rig()
    const gate = Promise.withResolvers<void>()
    const answer = run(async function* () {
      await gate.promise
      yield hello
    })
    const piece = answer.next()
    const left = answer.return(undefined)
    expect(running()).toBe(1)
    gate.resolve()
    expect(await piece).toEqual({ done: false, value: hello })
    expect(await left).toEqual({ done: true, value: undefined })
    expect(running()).toBe(0)
  })

  it('gives it back when it fails, and keeps a refused key out', async () => {
    const { pool, run, running } = rig()
    const { error } = await failure(
      run(async function* () {
        yield hello
        throw refused
      }),
    )
    expect(error).toBe(refused)
    expect(running()).toBe(0)
    expect(pool.outage()?.message).toBe('every key of glm is out until 2026-11-22T17:10:00Z: refused')
    const asked: string[] = []
    const next = run(async function* () {
      asked.push('asked')
      yield hello
    })
    expect((await failure(next)).error.reason).toBe('UPSTREAM_CREDENTIALS')
    expect(asked).toEqual([])
  })

  it('that goes well forgives earlier refusals', async () => {
    const { clock, pool, run } = rig()
    const refuse = () =>
      failure(
        run(async function* () {
          yield hello
          throw refused
        }),
      )
    await refuse()
    clock.pass(600_000)
    await collect(run(answering))
    await refuse()
    expect(pool.outage()?.details.retryDelayMs).toBe(600_000)
  })

  it('blames no key for what ended it from outside', async () => {
    const { pool, calling, run, running } = rig()
    await failure(
      run(async function* () {
        yield hello
        calling.abort(new GatewayError('CANCELLED', 'the caller left'))
        throw refused
      }),
    )
    expect(running()).toBe(0)
    expect(pool.outage()).toBeUndefined()
  })
})

describe('a failure', () => {
  it.each<readonly [string, Reason, GatewayErrorDetails, unknown]>([
    [
      'that says so',
      'UPSTREAM_CREDENTIALS',
      { against: 'key', keyTrouble: 'quota', upstreamStatus: 401 },
      { type: 'quota' },
    ],
    [
      'with a time',
      'UPSTREAM_LIMITED',
      { against: 'key', keyTrouble: 'plan_window', cooldownMs: 9, retryDelayMs: 5 },
      { type: 'plan_window', waitMs: 9 },
    ],
    [
      'with a header that only looks like a time for keys',
      'UPSTREAM_CREDENTIALS',
      { against: 'key', keyTrouble: 'auth', cooldownMs: 5, retryDelayMs: 5 },
      { type: 'auth' },
    ],
    [
      'of a key with a time of its own',
      'UPSTREAM_CREDENTIALS',
      { against: 'key', keyTrouble: 'auth', cooldownMs: 5 },
      { type: 'auth', waitMs: 5 },
    ],
    ['for one model', 'UPSTREAM_CREDENTIALS', { against: 'key_model' }, { type: 'permission' }],
    [
      'of the provider',
      'UPSTREAM_UNAVAILABLE',
      { against: 'provider', retryDelayMs: 5 },
      { type: 'failing' },
    ],
    ['of nobody', 'UPSTREAM_CREDENTIALS', { against: 'nobody' }, { type: 'untold' }],
    ['by reason alone', 'UPSTREAM_CREDENTIALS', {}, { type: 'auth' }],
    [
      'with a header that is not about keys',
      'UPSTREAM_CREDENTIALS',
      { upstreamStatus: 401, retryDelayMs: 5 },
      { type: 'auth' },
    ],
    ['by status 402', 'UPSTREAM_CREDENTIALS', { upstreamStatus: 402 }, { type: 'quota' }],
    ['by status 429', 'UPSTREAM_CREDENTIALS', { upstreamStatus: 429 }, { type: 'quota' }],
    ['by status 403', 'UPSTREAM_CREDENTIALS', { upstreamStatus: 403 }, { type: 'permission' }],
    ['of the rate', 'UPSTREAM_LIMITED', { retryDelayMs: 700 }, { type: 'rate_limit', waitMs: 700 }],
    ['of the request', 'INVALID_REQUEST', { upstreamStatus: 400 }, { type: 'untold' }],
    ['of a broken answer', 'UPSTREAM_BROKEN', {}, { type: 'untold' }],
    [
      'behind a broken answer',
      'UPSTREAM_BROKEN',
      { cause: new GatewayError('UPSTREAM_LIMITED', 'x') },
      { type: 'rate_limit' },
    ],
  ])('%s says what is wrong with the key', (_, reason, details, outcome) => {
    expect(keyOutcomeOf(new GatewayError(reason, 'glm says no', details))).toEqual(outcome)
  })

  it('that is none of ours says nothing', () => {
    expect(keyOutcomeOf(new Error('a mistake'))).toEqual({ type: 'untold' })
  })
})
