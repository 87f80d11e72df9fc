// What is remembered of keys while the configuration changes: a key that stays is as it was, a new one begins afresh.
import { describe, expect, it } from 'vitest'
import { createKeyMemory } from '../../../src/providers/key-memory.ts'
import { createKeyPool, type KeySettings } from '../../../src/providers/keys.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const MINUTE = 60_000

function rig() {
  const clock = createHandClock()
  const memory = createKeyMemory()
  const pool = (
    keys: readonly (KeySettings | string)[],
    over: { provider?: string; baseUrl?: string } = {},
  ) =>
    createKeyPool({
      provider: 'glm',
      baseUrl: 'https://here',
      clock,
      memory,
      random: () => 0,
      keys: keys.map((key, index) =>
        typeof key === 'string' ? { secret: `secret-of-${key}`, label: `key-${index + 1}` } : key,
      ),
      ...over,
    })
  return { clock, memory, pool }
}

const outs = (pool: ReturnType<ReturnType<typeof rig>['pool']>) =>
  pool.states().map(({ label, out }) => `${label} ${out?.trouble ?? 'in'}`)

describe('a key that stays', () => {
  it('stays out as long as it was, also at another place of the list and under another label', () => {
    const { clock, pool } = rig()
    const before = pool(['a', 'b'])
    before.acquire('m').settle({ type: 'auth' })
    expect(outs(before)).toEqual(['key-1 auth', 'key-2 in'])
    const after = pool(['new', 'b', 'a'])
    before.close()
    expect(outs(after)).toEqual(['key-1 in', 'key-2 in', 'key-3 auth'])
    clock.pass(10 * MINUTE)
    expect(outs(after)).toEqual(['key-1 in', 'key-2 in', 'key-3 in'])
    // A second refusal in a row is the second one, not the first one of another pool.
    const named = pool([{ secret: 'secret-of-a', label: 'mine' }])
    after.close()
    named.acquire('m').settle({ type: 'auth' })
    clock.pass(19 * MINUTE)
    expect(outs(named)).toEqual(['mine auth'])
    clock.pass(MINUTE)
    expect(outs(named)).toEqual(['mine in'])
  })

  it('keeps what it may not use, and how many calls run on it', () => {
    const { pool } = rig()
    const before = pool(['a', 'b'])
    before.acquire('dear').settle({ type: 'permission' })
    const running = before.acquire('m')
    expect(running.key?.secret).toBe('secret-of-b')
    const after = pool(['a', 'b'])
    before.close()
    expect(after.left('dear')).toBe(1)
    // The one that nobody uses comes first.
    const next = after.acquire('m')
    expect(next.key?.secret).toBe('secret-of-a')
    expect(after.states().map(state => state.running)).toEqual([1, 1])
    running.settle({ type: 'quota' })
    expect(outs(after)).toEqual(['key-1 in', 'key-2 quota'])
    next.settle({ type: 'served' })
    expect(after.states().map(state => state.running)).toEqual([0, 0])
  })

  it('keeps the room that was learnt for its account, which a new key of the account shares', () => {
    const { pool } = rig()
    const of = (label: string): KeySettings => ({ secret: `secret-of-${label}`, label, account: 'plan' })
    const before = pool([of('a')])
    const [one, two] = [before.acquire('m'), before.acquire('m')]
    const after = pool([of('a'), of('b')])
    before.close()
    two?.settle({ type: 'concurrency' })
    expect(after.left('m')).toBe(0)
    one?.settle({ type: 'served' })
    expect(after.left('m')).toBe(2)
    after.acquire('m')
    expect(after.left('m')).toBe(0)
  })
})

describe('a key that is removed', () => {
  it('is forgotten when its last attempt ends, and not before', () => {
    const { memory, pool } = rig()
    const before = pool(['a', 'b'])
    const running = before.acquire('m')
    const after = pool(['b'])
    before.close()
    expect(memory.size()).toBe(2)
    // It comes back while the attempt still runs.
    const again = pool(['a', 'b'])
    after.close()
    expect(again.states()[0]?.running).toBe(1)
    const without = pool(['b'])
    again.close()
    running.settle({ type: 'auth' })
    expect(memory.size()).toBe(1)
    expect(outs(pool(['a', 'b']))).toEqual(['key-1 in', 'key-2 in'])
    without.close()
  })

  it('can be used on by what began before', () => {
    const { memory, pool } = rig()
    const before = pool(['a'])
    pool(['b'])
    before.close()
    const late = before.acquire('m')
    expect(late.key?.secret).toBe('secret-of-a')
    expect(memory.size()).toBe(2)
    late.settle({ type: 'served' })
    expect(memory.size()).toBe(1)
  })
})

describe('a key that is another', () => {
  it('begins afresh: with another address, or of another provider', () => {
    const { pool } = rig()
    const here = pool(['a'])
    here.acquire('m').settle({ type: 'auth' })
    expect(outs(pool(['a'], { baseUrl: 'https://there' }))).toEqual(['key-1 in'])
    expect(outs(pool([{ secret: 'secret-of-a', label: 'far', baseUrl: 'https://far' }]))).toEqual(['far in'])
    expect(outs(pool(['a'], { provider: 'kimi' }))).toEqual(['key-1 in'])
    expect(outs(pool([{ secret: 'secret-of-a', label: 'same', baseUrl: 'https://here' }]))).toEqual([
      'same auth',
    ])
  })
})
