// Cancelling by name: only the caller, the session and the id together find a request.
import { expect, it, onTestFinished } from 'vitest'
import type { Caller } from '../../../../src/core/caller.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import { type Cancels, createCancels } from '../../../../src/doors/mcp/cancels.ts'
import { createProcessShared } from '../../../../src/stores/process/shared.ts'
import { until } from '../../../support/scripted-completion.ts'

const ada: Caller = { tenant: 'acme', subject: 'ada', scopes: ['chat'] }
const name = { caller: ada, session: 's', id: 1 }

/** The cancels of processes that share their state. */
function setUp(): readonly [Cancels, Cancels] {
  const faults: unknown[] = []
  const onFault = (fault: unknown): void => void faults.push(fault)
  const shared = createProcessShared({ clock: systemClock, onFault })
  onTestFinished(async () => {
    await shared.close()
    expect(faults).toEqual([])
  })
  return [createCancels({ shared, onFault }), createCancels({ shared, onFault })]
}

it('finds a request by its caller, its session and its id, and by nothing less', () => {
  const [cancels] = setUp()
  let cancelled = 0
  cancels.running(name, () => {
    cancelled += 1
  })
  for (const other of [
    { ...name, id: '1' },
    { ...name, session: 't' },
    { ...name, caller: { ...ada, subject: 'eve' } },
    { ...name, caller: { ...ada, tenant: 'evil' } },
  ])
    cancels.cancel(other)
  expect(cancelled).toBe(0)
  cancels.cancel(name)
  expect(cancelled).toBe(1)
})

it('forgets a request that has ended, and keeps a later one of the same name', () => {
  const [cancels] = setUp()
  const heard: string[] = []
  const forget = cancels.running(name, () => void heard.push('first'))
  const forgetSecond = cancels.running(name, () => void heard.push('second'))
  forget()
  cancels.cancel(name)
  forgetSecond()
  cancels.cancel(name)
  expect(heard).toEqual(['second'])
})

it('finds a request that another process runs', async () => {
  const [here, there] = setUp()
  const heard: string[] = []
  here.running({ ...name, id: 2 }, () => void heard.push('another'))
  here.running(name, () => void heard.push('meant'))
  there.cancel(name)
  await until(() => heard.length > 0)
  expect(heard).toEqual(['meant'])
})
