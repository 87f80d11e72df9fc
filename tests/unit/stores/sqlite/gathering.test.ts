// What goes to the store's thread together.
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { CommitInput } from '../../../../src/stores/sqlite/commit.ts'
import { createGathering } from '../../../../src/stores/sqlite/gathering.ts'
import type { Settlements } from '../../../../src/stores/sqlite/protocol.ts'
import { eventually } from '../../../support/eventually.ts'

const settled = (responseId: string): CommitInput => ({
  responseId,
  tenant: 'default',
  now: 0,
  answeredBy: null,
  ledger: [],
  turn: null,
  ending: null,
})

function gatheringWith() {
  const sent: Settlements[] = []
  const gathering = createGathering(bundle => sent.push(bundle))
  return { gathering, ids: () => sent.map(({ ids }) => ids), sent }
}

it('what one turn of the event loop settles goes in one message, at its end', async () => {
  const { gathering, ids, sent } = gatheringWith()
  gathering.add(3, settled('a'))
  gathering.add(1, settled('b'))
  expect(ids()).toEqual([])
  await turn()
  expect(ids()).toEqual([[3, 1]])
  expect(sent[0]?.commits.map(({ responseId }) => responseId)).toEqual(['a', 'b'])
})

it('what comes soon after a message waits for the next one, which comes by itself', async () => {
  const { gathering, ids } = gatheringWith()
  gathering.add(1, settled('a'))
  gathering.flush()
  gathering.add(2, settled('b'))
  gathering.add(3, settled('c'))
  expect(ids()).toEqual([[1]])
  await eventually(() => expect(ids()).toEqual([[1], [2, 3]]))
})

it('as many as go into one commit go at once, and the next ones after them', () => {
  const { gathering, ids } = gatheringWith()
  for (let id = 0; id < 300; id += 1) gathering.add(id, settled(`${id}`))
  expect(ids().map(({ length }) => length)).toEqual([256])
  gathering.flush()
  expect(ids().map(({ length }) => length)).toEqual([256, 44])
  expect(ids().flat()).toEqual(Array.from({ length: 300 }, (_, id) => id))
})

it('what was forgotten is not sent', async () => {
  const { gathering, ids } = gatheringWith()
  gathering.add(1, settled('a'))
  gathering.clear()
  await turn()
  gathering.add(2, settled('b'))
  gathering.flush()
  expect(ids()).toEqual([[2]])
})
