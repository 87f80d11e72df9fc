// The past that a model is given: whole turns, the newest that fit, and never half of a tool call.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { type Message, MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { historyOf, newestThatFit, type PastMessage } from '../../../src/chat/history.ts'
import { createChance } from '../../support/seeded.ts'

type Said = readonly [
  Role,
  ...({ readonly text: string } | { readonly call: string } | { readonly result: string })[],
]

const user = (text: string): Said => [Role.USER, { text }]
const model = (text: string): Said => [Role.ASSISTANT, { text }]
const calls = (...ids: string[]): Said => [Role.ASSISTANT, ...ids.map(call => ({ call }))]
const results = (...ids: string[]): Said => [Role.TOOL, ...ids.map(result => ({ result }))]

const messageOf = ([role, ...parts]: Said): Message =>
  create(MessageSchema, {
    role,
    content: parts.map(part => {
      if ('text' in part) return { kind: { case: 'text' as const, value: part.text } }
      if ('call' in part)
        return { kind: { case: 'toolCall' as const, value: { callId: part.call, name: 'look' } } }
      return { kind: { case: 'toolResult' as const, value: { callId: part.result } } }
    }),
  })
const past = (...said: Said[]): PastMessage[] =>
  said.map((one, index) => ({ message: messageOf(one), tokens: 10 + index }))
const shown = (messages: readonly Message[]): readonly string[] =>
  messages.map(({ content }) =>
    content
      .map(({ kind }) => {
        if (kind.case === 'text') return kind.value
        if (kind.case === 'toolCall') return `call ${kind.value.callId}`
        return kind.case === 'toolResult' ? `result ${kind.value.callId}` : ''
      })
      .join(' '),
  )
const split = (said: readonly Said[], fresh: readonly Said[], isWhole = true) => {
  const history = historyOf(past(...said), fresh.map(messageOf), isWhole)
  return {
    turns: history.turns.map(({ messages }) => shown(messages)),
    bound: shown(history.bound.messages),
    isBoundWhole: history.isBoundWhole,
  }
}

describe('the turns of a conversation', () => {
  it('begin where the user speaks and end before the user speaks again', () => {
    expect(split([user('a'), user('b'), model('c'), user('d'), model('e')], [user('f')])).toEqual({
      turns: [
        ['a', 'b', 'c'],
        ['d', 'e'],
      ],
      bound: [],
      isBoundWhole: true,
    })
  })

  it('keep what comes before the first user with the beginning', () => {
    expect(split([model('hello'), user('a'), model('b')], [user('c')]).turns).toEqual([['hello'], ['a', 'b']])
  })

  it('are bound to what is new when that answers their tool call', () => {
    expect(split([user('a'), model('b'), user('c'), calls('x')], [results('x')])).toEqual({
      turns: [['a', 'b']],
      bound: ['c', 'call x'],
      isBoundWhole: true,
    })
  })

  it('are one turn when a result comes after the user has spoken again', () => {
    const { turns } = split([user('a'), calls('x'), user('b'), results('x'), model('c')], [user('d')])
    expect(turns).toEqual([['a', 'call x', 'b', 'result x', 'c']])
  })

  it('leave out calls that nobody has answered, and messages that are nothing but such calls', () => {
    const said = [user('a'), calls('x', 'y'), results('y'), model('b'), user('c'), calls('z')]
    expect(split(said, [user('d')]).turns).toEqual([['a', 'call y', 'result y', 'b'], ['c']])
  })

  it('take the latest call with an id for the one that is answered', () => {
    const said = [user('a'), calls('x'), results('x'), user('b'), calls('x')]
    expect(split(said, [results('x')])).toMatchObject({
      turns: [['a', 'call x', 'result x']],
      bound: ['b', 'call x'],
    })
  })

  it('begin after a result whose call was not read', () => {
    expect(split([results('x'), model('a'), user('b'), model('c')], [user('d')], false).turns).toEqual([
      ['b', 'c'],
    ])
  })

  it('that were not read to their beginning are told as such', () => {
    expect(split([calls('x'), results('x'), calls('y')], [results('y')], false).isBoundWhole).toBe(false)
  })
})

describe('the newest turns that fit', () => {
  const turns = [5, 1, 3, 2].map(tokens => ({ messages: [], count: 1, tokens }))
  it.each([
    [11, 4],
    [10, 3],
    [5, 2],
    [4, 1],
    [1, 0],
    [-1, 0],
  ])('in %i tokens are %i', (room, count) => {
    expect(newestThatFit(turns, room)).toEqual(turns.slice(turns.length - count))
  })

  it('leave no gap where an old turn would fit and a newer one does not', () => {
    expect(
      newestThatFit(
        [1, 9, 1].map(tokens => ({ messages: [], count: 1, tokens })),
        3,
      ),
    ).toHaveLength(1)
  })
})

describe('whatever was said', () => {
  const chance = createChance(20_261)
  const cases = Array.from({ length: 300 }, () => {
    const said: Said[] = []
    let id = 0
    const open: string[] = []
    const length = chance.below(14)
    while (said.length < length) {
      const die = chance.below(100) / 100
      if (die < 0.35) said.push(user(`u${said.length}`))
      else if (die < 0.6) said.push(model(`m${said.length}`))
      else if (die < 0.8 || open.length === 0) {
        id += 1
        open.push(`c${id}`)
        said.push(calls(`c${id}`))
      } else said.push(results(...open.splice(chance.below(open.length), 1)))
    }
    const fresh = open.length > 0 && chance.below(2) === 0 ? [results(open[0] ?? '')] : [user('new')]
    return { said, fresh, isWhole: chance.below(2) === 0, room: chance.below(150) }
  })

  it('no result stands without its call and no call of before without its result, and what fits is there', () => {
    for (const { said, fresh, isWhole, room } of cases) {
      const { turns, bound } = historyOf(past(...said), fresh.map(messageOf), isWhole)
      const kept = newestThatFit(turns, room)
      const sent = [...[...kept, bound].flatMap(turn => turn.messages), ...fresh.map(messageOf)]
      const made = new Set<string>()
      const answered = new Set<string>()
      for (const { kind } of sent.flatMap(({ content }) => content)) {
        if (kind.case === 'toolCall') made.add(kind.value.callId)
        if (kind.case !== 'toolResult') continue
        expect(made, JSON.stringify(said)).toContain(kind.value.callId)
        answered.add(kind.value.callId)
      }
      expect(answered, JSON.stringify(said)).toEqual(made)
      const takes = kept.reduce((sum, { tokens }) => sum + tokens, 0)
      expect(takes).toBeLessThanOrEqual(Math.max(0, room))
      const next = turns[turns.length - kept.length - 1]
      if (next !== undefined) expect(takes + next.tokens).toBeGreaterThan(room)
      expect(turns.slice(turns.length - kept.length)).toEqual(kept)
      if (isWhole)
        expect(
          [...turns, bound].reduce((sum, { count }) => sum + count, 0),
          JSON.stringify(said),
        ).toBe(said.length)
    }
  })
})
