// Things that several hold: made by the first, let go by the last, and never twice at the same time under one name.
import { describe, expect, it } from 'vitest'
import { createHoldings } from '../../../src/providers/held.ts'

function rig() {
  const freed: string[] = []
  let made = 0
  const holdings = createHoldings<string>(value => void freed.push(value))
  const hold = (name: string) => holdings.hold(name, () => `${name}${++made}`)
  return { holdings, hold, freed }
}

describe('a thing that is held', () => {
  it('is made once, and let go when the last holder releases it', () => {
    const { holdings, hold, freed } = rig()
    const [one, two] = [hold('a'), hold('a')]
    expect([one.value, two.value, hold('b').value]).toEqual(['a1', 'a1', 'b2'])
    one.release()
    one.release()
    expect(freed).toEqual([])
    two.release()
    expect(freed).toEqual(['a1'])
    expect(holdings.size()).toBe(1)
    expect(hold('a').value).toBe('a3')
  })

  it('can be held again by whoever holds it', () => {
    const { hold, freed } = rig()
    const first = hold('a')
    const again = first.again()
    first.release()
    expect([again.value, freed]).toEqual(['a1', []])
    again.release()
    expect(freed).toEqual(['a1'])
  })

  it('comes back under its name when it is held beyond its end, unless the name is taken', () => {
    const { hold } = rig()
    const old = hold('a')
    old.release()
    const back = old.again()
    expect(hold('a').value).toBe('a1')
    const other = hold('b')
    other.release()
    const fresh = hold('b')
    const beyond = other.again()
    expect([fresh.value, beyond.value]).toEqual(['b3', 'b2'])
    beyond.release()
    expect(hold('b').value).toBe('b3')
    back.release()
  })

  it('that cannot be made is not held', () => {
    const { holdings, hold } = rig()
    const fail = () => {
      throw new Error('no')
    }
    expect(() => holdings.hold('a', fail)).toThrow('no')
    expect(holdings.size()).toBe(0)
    expect(hold('a').value).toBe('a1')
  })
})
