// Every oddity of the providers and every field of a request has a test, or the reason why it has none yet.
import { describe, expect, it } from 'vitest'
import { counts, gapsIn, listOf, readRows } from '../../scripts/provider-rows.ts'

describe('the rows about providers', () => {
  const rows = readRows()

  it('have their tests, all of them', () => {
    expect(gapsIn(rows)).toEqual([])
    expect(rows.quirks.map(({ id }) => id)).toEqual(
      Array.from({ length: counts.quirks }, (_, index) => index + 1),
    )
  })

  it('are left for later in a few places only', () => {
    const waiting = [
      ...rows.quirks,
      ...rows.fields.flatMap(({ openai, glm, kimi, minimax }) => [openai, glm, kimi, minimax]),
    ].filter(({ tests }) => tests.length === 0)
    expect(waiting).toHaveLength(6)
    for (const { later } of waiting) expect(later).toBeTypeOf('string')
  })

  it('are listed with their tests', () => {
    expect(listOf(rows)).toMatch(/^quirk 31: .*\n {4}quirks: gets a new id with every attempt/m)
    expect(listOf(rows)).toMatch(/^seed, kimi: dropped\n {4}contract: kimi › sends a seed$/m)
  })

  it('fail on a row that is missing, has no test, or names one that is not there', () => {
    const [first, ...rest] = rows.quirks
    if (first === undefined) throw new Error('there are no quirks')
    expect(gapsIn({ ...rows, quirks: rest })).toEqual(['33 quirks instead of 34'])
    expect(gapsIn({ ...rows, quirks: [{ ...first, tests: [] }, ...rest] })).toEqual([
      `quirk 1: ${first.text}: no test`,
    ])
    const wrong = [
      'quirks: gets a new id with every',
      'contract: nobody › sends a seed',
      'contract: glm › sends',
    ]
    expect(gapsIn({ ...rows, quirks: [{ ...first, tests: wrong }, ...rest] })).toEqual(
      wrong.map(test => `quirk 1: ${first.text}: no test is called ${test}`),
    )
  })
})
