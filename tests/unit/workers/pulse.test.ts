// The pulse of a worker: whoever answers is left alone, and whoever does not is told of once.
import { expect, it, onTestFinished } from 'vitest'
import { PULSE_MS, PULSES_MISSED_MAX, startPulse } from '../../../src/workers/pulse.ts'
import { until } from '../../support/scripted-completion.ts'

const EVERY_MS = 5

function setUp(ask: (times: number) => Promise<unknown>) {
  let asked = 0
  let hung = 0
  onTestFinished(
    startPulse({
      ask() {
        asked += 1
        return ask(asked)
      },
      onHung() {
        hung += 1
      },
      everyMs: EVERY_MS,
    }),
  )
  return { asked: () => asked, hung: () => hung }
}

it('takes thirty seconds', () => {
  expect(PULSE_MS * PULSES_MISSED_MAX).toBe(30_000)
})

it('one who answers is asked again and again, and an error is an answer', async () => {
  const { asked, hung } = setUp(async times => {
    if (times % 2 === 0) throw new Error('not yet')
  })
  await until(() => asked() > 3 * PULSES_MISSED_MAX)
  expect(hung()).toBe(0)
})

it('one who does not answer any more is asked no further, and told of once', async () => {
  const { asked, hung } = setUp(times => (times < 3 ? Promise.resolve() : new Promise(() => undefined)))
  await until(() => hung() > 0)
  await new Promise(resolve => setTimeout(resolve, 3 * EVERY_MS))
  expect([asked(), hung()]).toEqual([3, 1])
})

it('one who answers late, but in time, is left alone', async () => {
  const late: (() => void)[] = []
  const { asked, hung } = setUp(() => new Promise<void>(resolve => void late.push(resolve)))
  await until(() => late.length === 1)
  await new Promise(resolve => setTimeout(resolve, 2 * EVERY_MS))
  late[0]?.()
  await until(() => asked() === 2)
  expect(hung()).toBe(0)
})
