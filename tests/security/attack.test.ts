// Plays a part of the attacks against running gateways, and shows that what goes wrong would be noticed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answersIn } from './answer.ts'
import { refusedLikeAStranger } from './asking.ts'
import { createHearing, formsOf } from './heard.ts'
import { type Played, play } from './play.ts'
import { openStage, type Stage } from './stage.ts'
import { attacks, smoke, tableOf } from './suite.ts'

let stage: Stage

beforeAll(async () => {
  stage = await openStage()
}, 60_000)
afterAll(() => stage.stop())

const wrong = (results: readonly Played[]): readonly string[] =>
  results.flatMap(({ attack, problems }) => problems.map(problem => `${attack.name}: ${problem}`))

describe('the attack suite', () => {
  it('has no two attacks of one name, and at least 150', () => {
    const names = attacks.map(({ topic, name }) => `${topic}: ${name}`)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    expect(names.length).toBeGreaterThanOrEqual(150)
    expect(smoke.length).toBeGreaterThanOrEqual(150)
  })

  it('notices who is let in', async () => {
    const problems = await refusedLikeAStranger(stage, stage.guarded.pass)
    expect(problems).toContainEqual(expect.stringMatching(/^it is answered 200/))
    expect(problems).toContain('the provider was asked although the call was refused')
  })
})

describe('two gateways under attack', () => {
  it('let nobody in, stay up, tell nothing, and answer the honest throughout', async () => {
    const results = await play(stage, smoke, { atOnce: 6 })
    expect(wrong(results)).toEqual([])
    expect(tableOf(results, false)).toContain(`${results.length} passed, 0 failed`)
  }, 180_000)
})

describe('the search for secrets', () => {
  const text = 'a secret+/="\u00e9" of 1234'

  it.each(formsOf({ text }).map(({ name, text: form }) => [name, form] as const))(
    'finds one that is written%s',
    (_, form) => {
      const hearing = createHearing()
      hearing.hear('log', 'nothing')
      expect(hearing.search([{ name: 'it', text }])).toEqual([])
      hearing.hear('log', `{"msg":"x${form}y"}`)
      expect(hearing.search([{ name: 'it', text }])).toHaveLength(1)
    },
  )

  it.each([0, 1, 2, 3, 4])('finds one behind %d other bytes of base64', before => {
    const hearing = createHearing()
    hearing.hear('error', Buffer.from(`${'x'.repeat(before)}${text}yyy`).toString('base64'))
    expect(hearing.search([{ name: 'it', text }])).toHaveLength(1)
  })

  it('looks only where a text must not be, and never repeats it', () => {
    const hearing = createHearing()
    hearing.hear('answer', text)
    expect(hearing.search([{ name: 'it', text, surfaces: ['log'] }])).toEqual([])
    const found = hearing.search([{ name: 'it', text }])
    expect(found).toEqual([expect.stringContaining('it was heard in answer')])
    expect(found.join()).not.toContain(text)
  })

  it('does not look for what would be found by chance', () => {
    expect(() => createHearing().search([{ name: 'it', text: 'short' }])).toThrow('too short')
  })
})

describe('answers in a run of bytes', () => {
  it('are told apart by their lengths and chunks', () => {
    const bytes = [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nrest',
    ]
    expect(answersIn(bytes.join('')).map(({ status, body }) => [status, body])).toEqual([
      [200, '{}'],
      [200, 'abc'],
      [400, 'rest'],
    ])
  })
})
