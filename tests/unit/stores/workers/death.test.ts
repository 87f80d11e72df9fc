// What a worker held is let go when it dies, at once and not after its time; and what others hold is not.
import { expect, it, onTestFinished } from 'vitest'
import { LONG_MS } from '../../../suites/shared-log.ts'
import { until } from '../../../support/scripted-completion.ts'
import { createWorkersRig } from '../../../support/workers-rig.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const take = (amount: number, more: { readonly isForGood?: true } = {}) => ({
  counter: 'n',
  amount,
  max: 100,
  ttlMs: LONG_MS,
  ...more,
})
const by = (id: string) => ({ id, ttlMs: LONG_MS })

async function setUp() {
  const rig = await createWorkersRig()
  onTestFinished(rig.close)
  const [one, two] = rig.workers
  const used = async (counter = 'n'): Promise<number> => {
    const asked = await two.shared.reserve([{ counter, amount: 1, max: 0, ttlMs: LONG_MS }])
    return asked.ok ? Number.NaN : asked.used
  }
  return { one, two, used }
}

it('its reservations are given back, and what it took for good stays taken', async () => {
  const { one, two, used } = await setUp()
  await one.shared.reserve([take(5)], by('dead'))
  await one.shared.reserve([take(2, { isForGood: true })], by('dead'))
  await one.shared.reserve([take(1)])
  await two.shared.reserve([take(10)], by('alive'))
  expect(await used()).toBe(18)
  await one.die()
  expect(await used()).toBe(13)
})

it('what it had settled is not given back again', async () => {
  const { one, used } = await setUp()
  await one.shared.reserve([take(5), { ...take(4), counter: 'm' }], by('done'))
  await one.shared.settle('done', [{ counter: 'n', amount: 3 }])
  expect([await used(), await used('m')]).toEqual([3, 4])
  await one.die()
  expect([await used(), await used('m')]).toEqual([3, 0])
})

it('the values that say it is there end with it, and others stay', async () => {
  const { one, two } = await setUp()
  await one.shared.set('alive:one', bytes('1'), LONG_MS)
  await one.shared.claim('lease:job', bytes('one'), LONG_MS)
  await one.shared.set('kept', bytes('1'), LONG_MS)
  await one.die()
  expect(await two.shared.get('alive:one')).toBeUndefined()
  expect(await two.shared.claim('lease:job', bytes('two'), LONG_MS)).toBeUndefined()
  expect(await two.shared.get('kept')).toBeDefined()
})

it('a lease that somebody else has taken over is not ended with it', async () => {
  const { one, two } = await setUp()
  await one.shared.claim('lease:job', bytes('one'), LONG_MS)
  expect(await two.shared.swap('lease:job', bytes('one'), bytes('two'), LONG_MS)).toBe(true)
  await one.die()
  expect(await two.shared.get('lease:job')).toBeDefined()
})

it('its logs stay for those who read them', async () => {
  const { one, two } = await setUp()
  await one.shared.append('l', [bytes('a'), bytes('b')], LONG_MS)
  await one.die()
  expect((await two.shared.read('l', 0, 9))?.entries).toHaveLength(2)
})

it('a message is answered for only when every other worker has heard it', async () => {
  const { one, two } = await setUp()
  const heard: string[] = []
  two.shared.subscribe('t', message => void heard.push(Buffer.from(message).toString()))
  await one.shared.publish('t', bytes('hi'))
  expect(heard).toEqual(['hi'])
})

it('a message is answered for although a worker has died', async () => {
  const { one, two } = await setUp()
  const dying = one.die()
  await two.shared.publish('t', bytes('hi'))
  await dying
  await until(async () => (await two.shared.get('none')) === undefined)
})
