// When a conversation expires: each turn moves that moment, where there is one.
import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { type Message, MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { turnOf } from '../../../src/chat/conversation-turn.ts'
import { newId } from '../../../src/core/ids.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { openSqliteRig, settled } from '../../support/store-rig.ts'

const counter = createTokenCounter()
const said = (role: Role, text: string): Message =>
  create(MessageSchema, { role, content: [{ kind: { case: 'text', value: text } }] })
const answer = () => ({ responseId: newId('resp', Date.now()), message: said(Role.ASSISTANT, 'hi') })
const joined = (id: string, isNew: boolean) => {
  const brought = [said(Role.USER, 'hello')]
  return { id, isNew, system: [], isSystemNew: false, fresh: brought, brought }
}

test('a conversation expires so long after its last turn, and never when that is not set', async () => {
  const rig = await openSqliteRig()
  const turn = async (id: string, isNew: boolean, ttlMs?: number): Promise<void> => {
    const deps = { counter, now: rig.clock.now(), ttlMs }
    const kept = await turnOf(joined(id, isNew), answer(), deps)
    await rig.ports().journal.commit(settled({ turn: kept }))
  }
  const count = async (id: string) =>
    (await rig.ports().conversations.get({ tenant: 'default', id }))?.messageCount
  const [brief, lasting] = [newId('conv', Date.now()), newId('conv', Date.now() + 1)]
  try {
    await turn(brief, true, 1_000)
    await turn(lasting, true)
    rig.clock.pass(999)
    expect([await count(brief), await count(lasting)]).toEqual([2, 2])
    await turn(brief, false, 1_000)
    rig.clock.pass(999)
    expect(await count(brief)).toBe(4)
    rig.clock.pass(1)
    expect([await count(brief), await count(lasting)]).toEqual([undefined, 2])
    expect(await rig.ports().conversations.expire(9)).toBe(1)
    rig.clock.pass(1e12)
    expect(await count(lasting)).toBe(2)
  } finally {
    await rig.close()
  }
})
