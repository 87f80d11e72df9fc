// A short chaos: the service, PostgREST and Postgres are killed with -9 under load, and nothing that was acknowledged is lost.
import { expect, it } from 'vitest'
import { runChaos } from '../support/chaos.ts'

const NOTHING = { lostLines: 0, lostTurns: 0, twice: 0 }

it('every acknowledged answer is in the store and in the project afterwards, once', async () => {
  const report = await runChaos({ seconds: 15, seed: 7 })
  expect(report).toMatchObject({ store: NOTHING, project: NOTHING, askedTwice: 0, deadLetters: 0 })
  expect(report.acknowledged).toBeGreaterThan(50)
  expect(report.turns).toBe(report.acknowledged)
  for (const times of Object.values(report.kills)) expect(times).toBeGreaterThan(0)
}, 120_000)
