// Who gives up what when more is kept than there is room for.
import { describe, expect, it } from 'vitest'
import { createRoom } from '../../../src/chat/recording-room.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createChance } from '../../support/seeded.ts'

const LONG_MS = 1e9

function setUp(max = 10) {
  const clock = createHandClock()
  const room = createRoom({ clock, max })
  const add = (tenant: string, name: string, weight: number, ms = LONG_MS) =>
    room.add(tenant, name, weight, clock.monotonic() + ms)
  return { clock, add }
}

describe('a room', () => {
  it('gives up nothing while there is room, and the oldest first when there is not', () => {
    const { add } = setUp()
    expect([add('t', 'a', 4), add('t', 'b', 6)]).toEqual([[], []])
    expect(add('t', 'c', 1)).toEqual(['a'])
    expect(add('t', 'd', 9)).toEqual(['b'])
  })

  it('takes from the tenant that keeps most, whoever comes', () => {
    const { add } = setUp()
    add('small', 's', 2)
    add('big', 'a', 4)
    add('big', 'b', 4)
    expect(add('new', 'n', 2)).toEqual(['a'])
    expect(add('small', 't', 4)).toEqual(['s'])
  })

  it('gives up what could never fit', () => {
    const { add } = setUp()
    add('t', 'a', 3)
    expect(add('u', 'huge', 11)).toEqual(['huge'])
    expect(add('t', 'b', 7)).toEqual([])
  })

  it('forgets what has expired before it takes from anybody', () => {
    const { clock, add } = setUp()
    add('t', 'old', 1, LONG_MS)
    add('t', 'short', 8, 1_000)
    clock.pass(60_000)
    expect(add('t', 'new', 9)).toEqual([])
    expect(add('t', 'more', 1)).toEqual(['old'])
  })

  it.each([1, 2, 3])('never keeps more than fits, by chance of seed %i', seed => {
    const { add } = setUp(100)
    const chance = createChance(seed)
    const kept = new Map<string, number>()
    for (let index = 0; index < 500; index += 1) {
      const weight = chance.below(20)
      kept.set(`${index}`, weight)
      for (const name of add(chance.oneOf(['a', 'b', 'c']), `${index}`, weight))
        expect(kept.delete(name)).toBe(true)
      expect([...kept.values()].reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(100)
    }
  })
})
