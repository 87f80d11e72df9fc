// An answer is gone on from by one call at a time, by the same one again, and by others when that is over.
import { expect, it } from 'vitest'
import { createGoingOn } from '../../../src/chat/going-on.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createTestCall } from '../../support/test-call.ts'

function setUp() {
  const clock = createHandClock()
  const shared = createProcessShared({ clock, onFault: () => undefined })
  const goOn = createGoingOn({ shared, clock })
  const from = (responseId: string, idempotencyKey = '', tenant = 'default') =>
    goOn(
      { ...createTestCall(tenant).call, deadlineAtMs: clock.monotonic() + 1_000 },
      { responseId, idempotencyKey },
    )
  return { clock, from }
}

it('is taken by one call, and free when that lets go of it', async () => {
  const { from } = setUp()
  const letGo = await from('resp_1')
  expect(letGo).toBeDefined()
  expect(await from('resp_1')).toBeUndefined()
  expect(await from('resp_1', 'key')).toBeUndefined()
  expect(await from('resp_2')).toBeDefined()
  expect(await from('resp_1', '', 'another tenant')).toBeDefined()
  letGo?.()
  expect(await from('resp_1')).toBeDefined()
})

it('is shared by calls of one idempotency key, and let go of by the first', async () => {
  const { from } = setUp()
  const first = await from('resp_1', 'key')
  const again = await from('resp_1', 'key')
  expect(again).toBeDefined()
  again?.()
  expect(await from('resp_1')).toBeUndefined()
  first?.()
  expect(await from('resp_1')).toBeDefined()
})

it('is free at the deadline of a call that never let go of it', async () => {
  const { clock, from } = setUp()
  await from('resp_1')
  clock.pass(999)
  expect(await from('resp_1')).toBeUndefined()
  clock.pass(2)
  expect(await from('resp_1')).toBeDefined()
})
