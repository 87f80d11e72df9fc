// An answer as `exai chat` writes it: where text, reasoning and warnings go, and the line about it.
import { Writable } from 'node:stream'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { CompleteResponseSchema, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { answerLine, createTextWriter, cutNote } from '../../../src/cli/chat-answer.ts'
import { createOutput } from '../../../src/cli/chat-host.ts'

type Event = NonNullable<MessageInitShape<typeof StreamEventSchema>['event']>

async function written(events: readonly Event[], isTerminal = false) {
  const taken: string[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      taken.push(String(chunk))
      done()
    },
  })
  const thoughts: string[] = []
  const notes: string[] = []
  const writer = createTextWriter({
    output: createOutput(stream),
    isTerminal,
    think: text => void thoughts.push(text),
    note: line => void notes.push(line),
  })
  for (const event of events) await writer.hear(create(StreamEventSchema, { event }))
  await writer.endLine()
  return { text: taken.join(''), thoughts: thoughts.join(''), notes }
}

const text = (value: string): Event => ({ case: 'textDelta', value: { text: value } })
const thought = (value: string): Event => ({ case: 'reasoningDelta', value: { text: value } })

test('text goes out as it is and ends with one line break; reasoning and warnings go elsewhere', async () => {
  const warning: Event = { case: 'warning', value: { message: 'seed was\ndropped' } }
  const events = [warning, thought('hm\u001b[1m'), thought(' well'), text('a\u001b[1m'), text('b')]
  expect(await written([...events, { case: 'usage', value: {} }, { case: undefined }])).toEqual({
    text: 'a\u001b[1mb\n',
    thoughts: 'hm[1m well\n',
    notes: ['warning: seed was\ufffddropped'],
  })
})

test.each([
  [[], ''],
  [['a\n'], 'a\n'],
  [['a\n', 'b'], 'a\nb\n'],
  [['a\n', '\u001b'], 'a\n'],
])('the pieces %j are on a terminal %j', async (pieces, shown) => {
  expect((await written(pieces.map(text), true)).text).toBe(shown)
})

test('the line about an answer names who gave it, its tokens, its first one and its cost', () => {
  const response = {
    provider: 'openai',
    model: 'gpt\u001b[2J',
    usage: { inputTokens: 12, outputTokens: 34 },
    cost: { known: true, nanoUsd: 1_234_500n },
  }
  expect(answerLine(create(CompleteResponseSchema, response), 421.9)).toBe(
    'openai/gpt\ufffd[2J · tokens 12 in, 34 out · first token after 0.42 s · $0.0012345',
  )
  const usage = { inputTokens: 1, outputTokens: 9, reasoningTokens: 5 }
  const unpriced = create(CompleteResponseSchema, {
    provider: 'p',
    model: 'm',
    usage,
    cost: { known: false },
  })
  expect(answerLine(unpriced, undefined)).toBe('p/m · tokens 1 in, 9 out (5 reasoning) · cost unknown')
})

test.each([
  [FinishReason.STOP, undefined],
  [FinishReason.LENGTH, 'the answer is cut: the most tokens were reached'],
  [FinishReason.CONTENT_FILTER, "the answer is cut: the provider's filter cut it"],
])('an answer that ended with %s is told of as %s', (finishReason, note) => {
  expect(cutNote(create(CompleteResponseSchema, { finishReason }))).toBe(note)
})
