// What is known of the embedded store: that it died, that it is full, and that it keeps again what it is given.
import { expect, it, onTestFinished } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { watchStore } from '../../../src/status/store-watch.ts'
import { settled } from '../../support/store-rig.ts'

const full = new GatewayError('STORAGE_FULL', 'the store is full')

function setUp() {
  const state = { isOpen: true, fault: undefined as GatewayError | undefined, changes: 0, probes: 0 }
  const write = async (): Promise<void> => {
    if (state.fault !== undefined) throw state.fault
  }
  const watch = watchStore({
    journal: { commit: write },
    isOpen: () => state.isOpen,
    probe: async () => {
      state.probes += 1
      await write()
    },
    onChange: () => {
      state.changes += 1
    },
    lookEveryMs: 5,
  })
  onTestFinished(watch.close)
  return { state, watch, commit: () => watch.journal.commit(settled()) }
}

it('a store that keeps what it is given is healthy, and is not bothered', async () => {
  const { state, watch, commit } = setUp()
  await commit()
  expect(watch.report()).toEqual({ status: 'healthy', reason: '' })
  expect([state.changes, state.probes]).toEqual([0, 0])
})

it('a full store is told at once, the caller gets its error, and it is tried until it keeps again', async () => {
  const { state, watch, commit } = setUp()
  state.fault = full
  await expect(commit()).rejects.toBe(full)
  expect(watch.report()).toEqual({ status: 'unhealthy', reason: 'the store is full' })
  expect(state.changes).toBe(1)
  await expect.poll(() => state.probes).toBeGreaterThan(1)
  expect(watch.report().status).toBe('unhealthy')
  state.fault = undefined
  await expect.poll(() => watch.report().status).toBe('healthy')
  expect(state.changes).toBe(2)
})

it('the next settlement that is kept ends the trouble, too', async () => {
  const { state, watch, commit } = setUp()
  state.fault = full
  await expect(commit()).rejects.toBe(full)
  state.fault = undefined
  await commit()
  expect(watch.report().status).toBe('healthy')
})

it('a store that only has too much to do is healthy', async () => {
  const { state, watch, commit } = setUp()
  state.fault = new GatewayError('OVERLOADED', 'too much waits')
  await expect(commit()).rejects.toBe(state.fault)
  expect(watch.report().status).toBe('healthy')
})

it('a store that died is told, and so is its return', async () => {
  const { state, watch } = setUp()
  state.isOpen = false
  await expect.poll(() => state.changes).toBe(1)
  expect(watch.report()).toEqual({
    status: 'unhealthy',
    reason: 'the store has died and is started again',
  })
  state.isOpen = true
  await expect.poll(() => state.changes).toBe(2)
  expect(watch.report().status).toBe('healthy')
})
