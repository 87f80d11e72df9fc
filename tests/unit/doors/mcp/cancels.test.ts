// Cancelling by name: only the caller, the session and the id together find a request.
import { expect, it } from 'vitest'
import type { Caller } from '../../../../src/core/caller.ts'
import { createCancels } from '../../../../src/doors/mcp/cancels.ts'

const ada: Caller = { tenant: 'acme', subject: 'ada', scopes: ['chat'] }
const name = { caller: ada, session: 's', id: 1 }

it('finds a request by its caller, its session and its id, and by nothing less', () => {
  const cancels = createCancels()
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
  const cancels = createCancels()
  const heard: string[] = []
  const forget = cancels.running(name, () => void heard.push('first'))
  const forgetSecond = cancels.running(name, () => void heard.push('second'))
  forget()
  cancels.cancel(name)
  forgetSecond()
  cancels.cancel(name)
  expect(heard).toEqual(['second'])
})
