// A short chaos: the service, PostgREST, Postgres and Redis are killed with -9 under load, and nothing that was acknowledged is lost.
import { expect, it } from 'vitest'
import { runChaos } from '../support/chaos.ts'

const NOTHING = {
  lostLines: 0,
  lostTurns: 0,
  lostFiles: 0,
  undeletedFiles: 0,
  filesWithoutBytes: 0,
  orphans: 0,
  twice: 0,
}

it('every acknowledged answer and file is on the machine and in the project afterwards, once, and nothing else', async () => {
  const report = await runChaos({ seconds: 5, seed: 7 })
  expect(report).toMatchObject({ store: NOTHING, project: NOTHING, askedTwice: 0, deadLetters: 0 })
  // How many there are depends on the machine.
  expect(report.acknowledged).toBeGreaterThan(5)
  expect(report.turns).toBe(report.acknowledged)
  expect(report.uploads).toBeGreaterThan(2)
  for (const times of [report.deletes, report.downloads]) expect(times).toBeGreaterThan(0)
  expect(Object.keys(report.kills).sort()).toEqual(['postgres', 'postgrest', 'redis', 'service'])
  for (const times of Object.values(report.kills)) expect(times).toBeGreaterThan(0)
}, 120_000)
