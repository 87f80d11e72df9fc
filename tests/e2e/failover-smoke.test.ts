// Plays a part of the failover suite, and shows that the suite notices what is not as it must be.
import { describe, expect, it } from 'vitest'
import { type Cell, cellsOf, titleOf } from '../failover/cell.ts'
import { runOutage } from '../failover/outage.ts'
import type { Case, Scenario, Want } from '../failover/scenario.ts'
import { codeTopic, topics } from '../failover/scenarios.ts'
import { runSuite } from '../failover/suite.ts'
import { answers, both, goesOn, meeting, met, stops } from '../failover/wants.ts'

const options = { stages: 2, cellsOfStage: 110, cellsAtOnce: 16 }
const all = topics.flatMap(({ scenarios }) => cellsOf(scenarios))

/** The title of every cell that is not good, with what is wrong. */
async function play(cells: readonly Cell[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const { results, stageProblems } = await runSuite(cells, options)
  expect(stageProblems).toEqual([])
  expect(results).toHaveLength(cells.length)
  return Object.fromEntries(
    results.flatMap(({ cell, problems }) => (problems.length === 0 ? [] : [[titleOf(cell), problems]])),
  )
}

const planted = (name: string, each: Case): Scenario => ({
  name,
  shows: 'does something else than is expected',
  why: 'The suite has to notice.',
  cases: both(each),
  providers: ['glm'],
})

/** One thing is wrong with each of these expectations. */
const right = answers()
const wrong: Readonly<Record<string, Case>> = {
  'another end': { calls: [{ want: stops('UPSTREAM_UNAVAILABLE') }] },
  'another provider': { calls: [{ want: goesOn('UPSTREAM_UNAVAILABLE') }] },
  'another error of an attempt': met(meeting('status=500'), goesOn('UPSTREAM_LIMITED')),
  'another code': met(meeting('status=400'), stops('CONTEXT_TOO_LONG')),
  'another time': { calls: [{ want: { ...right, atLeastMs: 3000 } as Want }] },
  'another number of requests': { calls: [{ want: right }], reach: { fallback: 1 } },
  'money for nothing': { calls: [{ want: { ...right, booked: 'nothing' } as Want }] },
  'no estimate': met(meeting('status=500'), { ...goesOn('UPSTREAM_UNAVAILABLE'), booked: 'both' }),
  'a seam': { calls: [{ want: answers(0, { hasSeam: true }) }] },
  'no money': met(meeting('status=400'), stops('INVALID_REQUEST', { booked: 'counted' })),
}

describe('the failover suite', () => {
  it('has no two cells of one name, and at least 40 scenarios for every provider', () => {
    const titles = [...all, ...cellsOf(codeTopic.scenarios)].map(titleOf)
    expect(new Set(titles).size).toBe(titles.length)
    for (const provider of ['openai', 'glm', 'kimi', 'minimax'] as const) {
      const names = all.filter(cell => cell.provider === provider).map(({ scenario }) => scenario.name)
      expect(new Set(names).size).toBeGreaterThanOrEqual(40)
    }
  })

  it('holds for every scenario with one provider each, in turns', async () => {
    const scenarios = topics.flatMap(topic => topic.scenarios)
    const cells = scenarios.flatMap((scenario, index) => {
      const each = cellsOf([scenario])
      // Eight cells, or four of one shape: a step of five walks through shapes and providers.
      return each[(index * 5) % each.length] ?? []
    })
    expect(cells).toHaveLength(scenarios.length)
    expect(await play(cells)).toEqual({})
  }, 90_000)

  it('notices every kind of wrong expectation', async () => {
    const scenarios = Object.entries(wrong).map(([name, each]) => planted(name, each))
    const noticed = await play(cellsOf(scenarios))
    expect(Object.keys(noticed).sort()).toEqual(
      Object.keys(wrong)
        .flatMap(name => [`${name}, glm, stream`, `${name}, glm, unary`])
        .sort(),
    )
  }, 60_000)
})

describe('an outage of the preferred provider under load', () => {
  it('fails no call, and the provider is asked again afterwards', async () => {
    const { calls, failed, failures, open, backAfterMs } = await runOutage({
      death: 'refuses',
      // No more than a machine can do that does other things: these calls come whether the last ones are answered or not.
      rate: 40,
      settleSeconds: 0.5,
      healthySeconds: 0.5,
      outageSeconds: 4,
      afterSeconds: 4,
      openSeconds: 1,
    })
    expect(failures).toEqual([])
    expect(failed).toBe(0)
    expect(calls).toBeGreaterThan(250)
    expect(open.calls).toBeGreaterThan(80)
    expect(backAfterMs).toBeDefined()
  }, 60_000)
})
