// Bytes that are held together: who gets in, in which order, and who is sent away.
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createByteGate } from '../../../src/files/byte-gate.ts'

const running = new AbortController().signal
const gateOf = (limitBytes = 100, waitingMax = 10) => createByteGate({ limitBytes, waitingMax })
/** Tells in which order those who wait got in, and keeps their ways out. */
function line(gate: ReturnType<typeof gateOf>) {
  const order: string[] = []
  const out = new Map<string, () => void>()
  const enter = async (name: string, sizeBytes: number, tenant = 'a', signal = running): Promise<void> => {
    const letGo = await gate.hold(sizeBytes, { tenant, signal })
    order.push(name)
    out.set(name, letGo)
  }
  const turn = () => new Promise(resolve => setImmediate(resolve))
  return { order, enter, leave: (name: string) => out.get(name)?.(), turn }
}

describe('bytes in memory', () => {
  test('are held as long as there is room, and let go of once', async () => {
    const gate = gateOf()
    const one = await gate.hold(60, { tenant: 'a', signal: running })
    await gate.hold(40, { tenant: 'a', signal: running })
    expect(gate.heldBytes()).toBe(100)
    one()
    one()
    expect(gate.heldBytes()).toBe(40)
  })

  test('that could never be held are refused at once, and as many as the limit are not', async () => {
    const gate = gateOf()
    await expect(gate.hold(101, { tenant: 'a', signal: running })).rejects.toMatchObject({
      reason: 'OVERLOADED',
      message: 'files of a call need 101 bytes of memory, and may have 100',
      details: { against: 'nobody' },
    })
    await gate.hold(100, { tenant: 'a', signal: running })
    expect(gate.heldBytes()).toBe(100)
  })

  test('of somebody large are waited for, and nobody small goes past', async () => {
    const gate = gateOf()
    const { order, enter, leave, turn } = line(gate)
    await enter('first', 50)
    const large = enter('large', 80)
    const small = enter('small', 10, 'b')
    const smaller = enter('smaller', 10, 'c')
    await turn()
    expect([order, gate.waiting()]).toEqual([['first'], 3])
    leave('first')
    await Promise.all([large, small, smaller])
    expect(order).toEqual(['first', 'large', 'small', 'smaller'])
    expect(gate.heldBytes()).toBe(100)
  })

  test('go to the tenants in turns, and to the calls of one tenant in their order', async () => {
    const gate = gateOf()
    const { order, enter, leave, turn } = line(gate)
    await enter('0', 100)
    const all = [enter('a1', 100, 'a'), enter('a2', 100, 'a'), enter('a3', 100, 'a'), enter('b1', 100, 'b')]
    for (const name of ['0', 'a1', 'b1', 'a2', 'a3']) {
      leave(name)
      await turn()
    }
    await Promise.all(all)
    expect(order).toEqual(['0', 'a1', 'b1', 'a2', 'a3'])
    expect(gate.heldBytes()).toBe(0)
  })

  test('are no longer waited for when the call ends, and whoever waited behind it gets in', async () => {
    const gate = gateOf()
    const { order, enter } = line(gate)
    await enter('first', 50)
    const ending = new AbortController()
    const large = enter('large', 80, 'a', ending.signal)
    const small = enter('small', 10, 'a')
    const reason = new GatewayError('DEADLINE_EXCEEDED', 'the time is over')
    ending.abort(reason)
    await expect(large).rejects.toBe(reason)
    await small
    expect([order, gate.heldBytes(), gate.waiting()]).toEqual([['first', 'small'], 60, 0])
    await expect(enter('late', 1, 'a', ending.signal)).rejects.toBe(reason)
    expect(gate.heldBytes()).toBe(60)
  })

  test('that are granted at the moment in which the call ends are given back', async () => {
    const gate = gateOf()
    const { enter, leave } = line(gate)
    await enter('first', 100)
    const ending = new AbortController()
    const second = enter('second', 100, 'a', ending.signal)
    leave('first')
    const reason = new GatewayError('CANCELLED', 'the caller left')
    ending.abort(reason)
    await expect(second).rejects.toBe(reason)
    expect(gate.heldBytes()).toBe(0)
  })

  test('are refused where too many wait', async () => {
    const gate = gateOf(100, 1)
    const { enter } = line(gate)
    await enter('first', 100)
    const ending = new AbortController()
    const second = enter('second', 1, 'a', ending.signal)
    await expect(enter('third', 1)).rejects.toMatchObject({ reason: 'OVERLOADED' })
    expect(gate.waiting()).toBe(1)
    ending.abort(new GatewayError('CANCELLED', 'the caller left'))
    await expect(second).rejects.toMatchObject({ reason: 'CANCELLED' })
  })
})
