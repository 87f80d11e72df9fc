// What is told of refused calls: why they are refused, until none has been for a while.
import { expect, it } from 'vitest'
import { createShedding } from '../../../src/server/shedding.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const asked = { method: 'exai.v1.ChatService/Complete', isWatch: false, isCounted: true }

it('the cause of a refusal is told for ten seconds after the last one', () => {
  const clock = createHandClock()
  const told: string[] = []
  let waiting = 0
  const shedding = createShedding({
    clock,
    delayMs: 2_000,
    storeWaiting: () => waiting,
    onShed: cause => void told.push(cause),
    heapShare: () => 0,
  })
  expect([shedding.overload.refusal(asked), shedding.cause()]).toEqual([undefined, undefined])
  waiting = 100_000
  expect(shedding.overload.refusal(asked)).toMatchObject({ reason: 'OVERLOADED' })
  clock.pass(9_000)
  expect(shedding.overload.refusal(asked)).toMatchObject({ reason: 'OVERLOADED' })
  clock.pass(9_999)
  expect(shedding.cause()).toBe('store')
  clock.pass(1)
  expect([shedding.cause(), told]).toEqual([undefined, ['store', 'store']])
})
