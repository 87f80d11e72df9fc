// Waiting no longer than so long: what came in time counts, also for a process that was too busy to look.
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { within } from '../../../src/providers/http.ts'

function beBusy(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

test('gives what comes in time, and nothing for what does not', async () => {
  expect(await within(turn('here'), 1_000)).toBe('here')
  expect(await within(new Promise(() => {}), 1)).toBeUndefined()
})

test('gives what lay there already when a busy process looked too late', async () => {
  // From here on it is as with sockets: the timers of the next turn come first.
  await turn()
  const waiting = within(turn('here'), 1)
  beBusy(10)
  expect(await waiting).toBe('here')
})

test('fails as what it waits for does, and drops a failure that comes later', async () => {
  await expect(within(Promise.reject(new Error('broken')), 1_000)).rejects.toThrow('broken')
  const late = sleep(5).then(() => Promise.reject(new Error('later')))
  expect(await within(late, 1)).toBeUndefined()
  await expect(late).rejects.toThrow('later')
})
