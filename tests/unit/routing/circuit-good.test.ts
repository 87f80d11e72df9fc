// A window of good outcomes hears no more of them, and judges all the same.
import { expect, test } from 'vitest'
import { createRig } from './circuit-rig.ts'

test.each([20, 21, 100])('it opens at the tenth of the last twenty, also after %i good ones', async good => {
  const { succeed, fail, state } = createRig()
  await succeed(good)
  await fail(9)
  expect(state()).toMatchObject({ state: 'closed', callCount: 20, failureRatio: 0.45 })
  await fail()
  expect(state()).toMatchObject({ state: 'open', reason: '10 of 20 calls failed' })
})

test('good ones count again as soon as there was a failure', async () => {
  const { succeed, fail, state } = createRig()
  await succeed(50)
  await fail(5)
  // Twenty more push the failures out, and the nine after them are not enough.
  await succeed(20)
  await fail(9)
  expect(state()).toMatchObject({ state: 'closed', failureRatio: 0.45 })
})
