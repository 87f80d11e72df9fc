// The journal in memory: it keeps the newest settlements and counts them all.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { DEFAULT_CALLER } from '../../../../src/core/caller.ts'
import type { Settlement } from '../../../../src/core/settlement.ts'
import { ANSWER_BYTES_MAX, createProcessJournal, KEPT_MAX } from '../../../../src/stores/process/journal.ts'

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
  const journal = createProcessJournal(keptMax === undefined ? {} : { keptMax })
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

  it('keeps no turn and no recording: nobody could ask for them', async () => {
    const journal = createProcessJournal()
    const turn = { conversationId: 'conv_1', isNew: true, messages: [] }
    const ending = { type: 'kept', body: new Uint8Array(1), expiresAt: 1 } as const
    await journal.commit({ ...settlement('resp_0'), turn, ending })
    expect(journal.recent()).toEqual([settlement('resp_0')])
  })

  it('gives out a list that later settlements do not change', async () => {
    const { journal } = await filled(1)
    const before = journal.recent()
    await journal.commit(settlement('resp_later'))
    expect(before).toHaveLength(1)
  })
})

/** A settlement whose answer says a text of that many characters. */
function answered(responseId: string, characters: number): Settlement {
  const text = 'a'.repeat(characters)
  return {
    ...settlement(responseId),
    answer: create(MessageSchema, {
      role: Role.ASSISTANT,
      content: [{ kind: { case: 'text', value: text } }],
    }),
  }
}

describe('the answers in a journal in memory', () => {
  const megabyte = 1024 * 1024

  it('are 4 MiB together: beyond that the oldest are forgotten, and their settlements are not', async () => {
    expect(ANSWER_BYTES_MAX).toBe(4 * megabyte)
    const journal = createProcessJournal()
    for (let index = 0; index < 6; index += 1)
      await journal.commit(answered(`resp_${index}`, megabyte - 1000))
    const recent = journal.recent()
    expect(recent.map(({ responseId }) => responseId)).toEqual([
      'resp_0',
      'resp_1',
      'resp_2',
      'resp_3',
      'resp_4',
      'resp_5',
    ])
    expect(recent.map(one => one.answer !== undefined)).toEqual([false, false, true, true, true, true])
  })

  it('are kept without a single one that is too large, and later ones are kept again', async () => {
    const journal = createProcessJournal({ answerBytesMax: 10_000 })
    await journal.commit(answered('resp_large', 10_001))
    await journal.commit(answered('resp_small', 9_000))
    expect(journal.recent().map(one => one.answer !== undefined)).toEqual([false, true])
  })

  it('no longer count once their settlements are forgotten', async () => {
    const journal = createProcessJournal({ keptMax: 2, answerBytesMax: 10_000 })
    for (let index = 0; index < 10; index += 1) await journal.commit(answered(`resp_${index}`, 4_000))
    expect(journal.recent().map(one => one.answer !== undefined)).toEqual([true, true])
  })

  it.each([
    ['reasoning', { case: 'reasoning', value: { text: 'a'.repeat(600), opaque: new Uint8Array(600) } }],
    ['a tool call', { case: 'toolCall', value: { callId: 'c', name: 'n', arguments: 'a'.repeat(1200) } }],
    ['a citation', { case: 'citation', value: { url: 'a'.repeat(600), title: '', text: 'a'.repeat(600) } }],
    ['letters of two bytes', { case: 'text', value: 'é'.repeat(600) }],
  ] as const)('count %s', async (_, kind) => {
    const journal = createProcessJournal({ answerBytesMax: 1_100 })
    await journal.commit({
      ...settlement('resp_0'),
      answer: create(MessageSchema, { content: [{ kind }] }),
    })
    expect(journal.recent()[0]).not.toHaveProperty('answer')
  })

  it('count their parts, too, however empty', async () => {
    const journal = createProcessJournal({ answerBytesMax: 100_000 })
    const content = Array.from({ length: 1_000 }, () => ({ kind: { case: 'text', value: '' } }) as const)
    await journal.commit({ ...settlement('resp_0'), answer: create(MessageSchema, { content }) })
    expect(journal.recent()[0]).not.toHaveProperty('answer')
  })
})
