// The journal in memory: it keeps the newest settlements and counts them all.
import { describe, expect, it } from 'vitest'
import { DEFAULT_CALLER } from '../../../../src/core/caller.ts'
import type { Settlement } from '../../../../src/core/settlement.ts'
import { createProcessJournal, KEPT_MAX } from '../../../../src/stores/process/journal.ts'

const settlement = (responseId: string): Settlement => ({
  responseId,
  requestId: 'r',
  caller: DEFAULT_CALLER,
  requestedModel: 'auto',
  outcome: { type: 'failed', reason: 'NO_CANDIDATE' },
  attempts: [],
  startedAt: 0,
  durationMs: 1,
})

async function filled(count: number, keptMax?: number) {
  const journal = createProcessJournal(keptMax)
  for (let index = 0; index < count; index += 1) await journal.commit(settlement(`resp_${index}`))
  return { journal, kept: journal.recent().map(({ responseId }) => responseId) }
}

describe('a journal in memory', () => {
  it('is empty at first', () => {
    const journal = createProcessJournal()
    expect(journal.recent()).toEqual([])
    expect(journal.count()).toBe(0)
  })

  it('keeps as many as it may, oldest first', async () => {
    const { journal, kept } = await filled(3, 3)
    expect(kept).toEqual(['resp_0', 'resp_1', 'resp_2'])
    expect(journal.count()).toBe(3)
  })

  it('forgets the oldest beyond that, and still counts it', async () => {
    const { journal, kept } = await filled(5, 3)
    expect(kept).toEqual(['resp_2', 'resp_3', 'resp_4'])
    expect(journal.count()).toBe(5)
  })

  it('keeps 256 unless told otherwise', async () => {
    expect(KEPT_MAX).toBe(256)
    const { journal, kept } = await filled(257)
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([256, 'resp_1', 'resp_256'])
    expect(journal.count()).toBe(257)
  })

  it('gives out a list that later settlements do not change', async () => {
    const { journal } = await filled(1)
    const before = journal.recent()
    await journal.commit(settlement('resp_later'))
    expect(before).toHaveLength(1)
  })
})
