// What a model says and thinks, and what it is told about how to.
import { expect } from 'vitest'
import { ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import { objectOf } from '../../support/upstream/shape.ts'
import { textOf, user } from '../../unit/providers/attempt.ts'
import { said, text, thoughtsOf } from '../../unit/providers/known.ts'
import { type Capability, question } from '../capability.ts'

const saying = (words: string) => ({ messages: [user(words)] })
const system = said(Role.SYSTEM, text('Be brief.'))

/** The rows. */
export const speech = {
  text: question({
    title: 'Text',
    test: 'answers in text',
    request: saying('Grüezi 東京 🗼'),
    check: ({ deltas }) => expect(textOf(deltas)).toContain('Grüezi 東京 🗼'),
  }),
  stream: {
    title: 'Streamed text',
    test: 'streams an answer in pieces that join to the same text',
    async run(rig) {
      const asked = saying('one two three four')
      const [whole, streamed] = [await rig.ask(asked), await rig.ask(asked, { stream: true })]
      const pieces = streamed.deltas.filter(({ type }) => type === 'text')
      expect(pieces.length).toBeGreaterThan(3)
      expect(textOf(streamed.deltas)).toBe(textOf(whole.deltas))
      expect(textOf(streamed.deltas)).toContain('one two three four')
      if (rig.double !== undefined) expect(streamed.bodies[0]).toMatchObject({ stream: true })
      return 'native'
    },
  },
  system: question({
    title: 'System message',
    test: 'sends the system message that stands first',
    request: { messages: [system, user('Hi')] },
    isNative: body => JSON.stringify(body).includes('Be brief.'),
  }),
  'later-system': question({
    title: 'System message later in a chat',
    test: 'sends a system message that stands in the middle',
    request: { messages: [user('Hi'), said(Role.ASSISTANT, text('Yes?')), system, user('Go on')] },
    isNative: body => JSON.stringify(body).includes('Be brief.'),
  }),
  thoughts: question({
    title: 'Thoughts in the answer',
    test: 'gives thoughts apart from the text',
    request: ({ spec }) => ({
      ...saying('Hi'),
      reasoningEffort: spec.thinkingEffort ?? ReasoningEffort.UNSPECIFIED,
    }),
    scripts: ({ spec }) => (spec.upstream?.thinking === undefined ? [] : [spec.upstream.thinking]),
    check({ deltas }, { outcome }) {
      if (outcome === 'none') expect(thoughtsOf(deltas)).toBe('')
      else expect(thoughtsOf(deltas)).not.toBe('')
      expect(textOf(deltas)).not.toMatch(/<\/?think>/)
    },
  }),
  effort: question({
    title: 'Reasoning effort',
    test: 'tells the model how much to think',
    request: { ...saying('Hi'), reasoningEffort: ReasoningEffort.LOW },
  }),
  'no-thinking': question({
    title: 'Thinking switched off',
    test: 'tells the model not to think',
    request: { ...saying('Hi'), reasoningEffort: ReasoningEffort.NONE },
    check: ({ deltas, warnings }) => {
      if (warnings.length === 0) expect(thoughtsOf(deltas)).toBe('')
    },
  }),
  'foreign-history': {
    title: 'History of another provider',
    test: 'goes on with the history of another provider, without its sealed thoughts',
    async run(rig) {
      const callId = `toolu_${'x'.repeat(58)}`
      const history = [
        user('What is the weather?'),
        said(
          Role.ASSISTANT,
          {
            kind: {
              case: 'reasoning',
              value: {
                text: 'Somebody thought.',
                provider: 'elsewhere',
                opaque: Buffer.from('sealed-elsewhere'),
              },
            },
          },
          text('I will look.'),
          {
            kind: { case: 'toolCall', value: { callId, name: 'get_weather', arguments: '{"city":"Bern"}' } },
          },
        ),
        said(Role.TOOL, {
          kind: { case: 'toolResult', value: { callId, content: [text('18 degrees')] } },
        }),
      ]
      const tools = [
        { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
      ]
      for (const stream of [false, true]) {
        const { deltas, bodies, error } = await rig.ask({ messages: history, tools }, { stream })
        expect(error).toBeUndefined()
        expect(textOf(deltas)).toContain('18 degrees')
        const sent = JSON.stringify(objectOf(bodies[0]))
        expect(sent).not.toContain('sealed-elsewhere')
        expect(sent).not.toContain(Buffer.from('sealed-elsewhere').toString('base64'))
      }
      return 'native'
    },
  },
} as const satisfies Readonly<Record<string, Capability>>
