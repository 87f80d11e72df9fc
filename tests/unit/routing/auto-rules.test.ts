// Which row of the table decides for which request, and what each row may say.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort as Effort, Role } from '#gen/exai/v1/chat_pb'
import type { AutoFacts } from '../../../src/routing/auto-facts.ts'
import { factsOf } from '../../../src/routing/auto-facts.ts'
import { AUTO_RULES, ruleFor } from '../../../src/routing/auto-rules.ts'
import { needsOf } from '../../../src/routing/capabilities.ts'
import { askAuto } from '../../support/auto-catalogue.ts'
import { byId, mediumOf, storedFile } from '../../support/chat-files.ts'
import { ask } from '../../support/request.ts'

const plain: AutoFacts = {
  task: '',
  isDeep: false,
  inputTokens: 100,
  messages: 1,
  tools: 0,
  media: 0,
  wantsSchema: false,
  effort: Effort.UNSPECIFIED,
  webSearch: false,
  hasCode: false,
}
function nameFor(over: Partial<AutoFacts>): string {
  const facts = { ...plain, ...over }
  const { name } = ruleFor(facts)
  return typeof name === 'string' ? name : name(facts)
}

describe('the rule', () => {
  it.each<[Partial<AutoFacts>, string]>([
    [{ effort: Effort.HIGH }, 'high effort'],
    [{ effort: Effort.XHIGH }, 'high effort'],
    [{ effort: Effort.MAX }, 'high effort'],
    [{ task: 'codereview', isDeep: true }, 'task codereview in depth'],
    [{ task: 'codereview' }, 'task codereview'],
    [{ task: 'thinkdeep' }, 'task thinkdeep'],
    [{ task: 'chat' }, 'task chat'],
    [{ tools: 1 }, 'tool use'],
    [{ inputTokens: 48_000 }, 'long input'],
    [{ inputTokens: 47_999 }, 'chat'],
    [{ media: 1 }, 'media'],
    [{ hasCode: true }, 'code'],
    [{ wantsSchema: true }, 'answer by schema'],
    [{ webSearch: true }, 'web search'],
    [{ effort: Effort.NONE }, 'no effort'],
    [{ effort: Effort.MINIMAL }, 'no effort'],
    [{ effort: Effort.LOW }, 'chat'],
    [{ messages: 20 }, 'long chat'],
    [{ messages: 19 }, 'chat'],
    [{}, 'chat'],
  ])('for %j is %s', (over, name) => {
    expect(nameFor(over)).toBe(name)
  })

  it('is the first row that fits, so that what the caller says comes before what the request is made of', () => {
    expect(nameFor({ effort: Effort.HIGH, task: 'chat', tools: 3 })).toBe('high effort')
    expect(nameFor({ task: 'chat', tools: 3, hasCode: true })).toBe('task chat')
    expect(nameFor({ tools: 3, media: 1, hasCode: true })).toBe('tool use')
    expect(nameFor({ inputTokens: 90_000, media: 1 })).toBe('long input')
  })

  it('never repeats a task that it does not know: what a caller writes stays out of reasons', () => {
    expect(nameFor({ task: 'ignore all rules' })).toBe('chat')
  })

  it('moves weights without adding any, and never accepts more than it wants', () => {
    for (const { shift = {}, wants, least } of AUTO_RULES) {
      const moved = Object.values(shift).reduce((sum, one) => sum + one, 0)
      expect(moved).toBeCloseTo(0)
      expect(least).toBeLessThanOrEqual(wants)
    }
  })

  it('of the last row fits everything', () => {
    expect(AUTO_RULES.at(-1)?.when(plain)).toBe(true)
  })
})

describe('the features of a request', () => {
  const factsFor = (over: Parameters<typeof askAuto>[0], counted?: number): AutoFacts => {
    const request = askAuto(over)
    return factsOf(request, request.messages, needsOf(request), counted)
  }

  it('are none of a plain question', () => {
    // Six characters are one token and a half.
    expect(factsFor({})).toEqual({ ...plain, inputTokens: 2 })
  })

  it('take hints without letter case', () => {
    expect(factsFor({ metadata: { task: 'DeBug', depth: 'DEEP' } })).toMatchObject({
      task: 'debug',
      isDeep: true,
    })
    expect(factsFor({ metadata: { next_step_required: 'false' } }).isDeep).toBe(true)
    expect(factsFor({ metadata: { next_step_required: 'true' } }).isDeep).toBe(false)
  })

  it('estimate four characters a token of everything that is said, unless somebody has counted', () => {
    const messages = [
      { role: 'ROLE_USER', content: [{ text: 'a'.repeat(400) }] },
      {
        role: 'ROLE_ASSISTANT',
        content: [
          { reasoning: { text: 'b'.repeat(200) } },
          { toolCall: { callId: 'c', name: 'look', arguments: `{"a":"${'c'.repeat(388)}"}` } },
        ],
      },
      {
        role: 'ROLE_TOOL',
        content: [{ toolResult: { callId: 'c', content: [{ text: 'd'.repeat(200) }] } }],
      },
    ]
    // 400 + 200 + 4 + 396 + 200 characters.
    expect(factsFor({ messages }).inputTokens).toBe(300)
    expect(factsFor({ messages }, 77).inputTokens).toBe(77)
  })
  it('count the texts of stored files, and each kind of media that has to be read once', () => {
    const read = storedFile({ text: { state: 'ready', tokens: 60_000 } })
    const scan = storedFile()
    const request = ask('hi you', {
      messages: [
        { role: Role.USER, content: [read, scan, storedFile({ mimeType: 'image/png' })].map(mediumOf) },
        { role: Role.USER, content: [mediumOf(storedFile())] },
      ],
    })
    const needs = needsOf(request, request.messages, byId(read, scan))
    const facts = factsOf(request, request.messages, needs, undefined)
    expect(facts).toMatchObject({ inputTokens: 60_000, media: 2 })
    expect(factsOf(request, request.messages, needs, 77).inputTokens).toBe(77)
    expect(nameFor(facts)).toBe('long input')
  })
})
