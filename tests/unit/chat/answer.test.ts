// How an answer grows, and that a client can put it together from the stream's events alone.
import { create, toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason, type MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { type CompleteResponse, CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { createAnswer } from '../../../src/chat/answer.ts'
import type { Delta } from '../../../src/core/delta.ts'
import { collect } from '../../support/collect.ts'
import { createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step } from '../../support/scripted-provider.ts'
import { type Chance, createChance } from '../../support/seeded.ts'
import { createTestCall } from '../../support/test-call.ts'

const origin = { provider: 'one', model: 'one-model' }

function grown(...deltas: readonly Delta[]) {
  const answer = createAnswer()
  answer.from(origin)
  for (const delta of deltas) answer.add(delta)
  return answer
}

function partsOf(...deltas: readonly Delta[]) {
  return grown(...deltas)
    .message(false)
    .content?.map(part => part.kind)
}

const text = (words: string): Delta => ({ type: 'text', text: words })
const thought = (words: string): Delta => ({ type: 'reasoning', text: words })
const sealed = (byte: number): Delta => ({ type: 'reasoning_opaque', opaque: Uint8Array.of(byte) })
const call = (callId: string): Delta => ({ type: 'tool_call_start', callId, name: 'look' })
const citation: Delta = { type: 'citation', url: 'https://example.org', title: 'T', text: 'cited' }

describe('an answer', () => {
  it('is empty before its first delta', () => {
    const answer = createAnswer()
    expect(answer.hasOutput()).toBe(false)
    expect(answer.message(false)).toEqual({ role: Role.ASSISTANT, content: [], partial: false })
    expect(answer.finishReason()).toBe(FinishReason.UNSPECIFIED)
    expect(answer.counts()).toBeUndefined()
    expect(answer.metadata()).toBeUndefined()
  })

  it('joins consecutive pieces of one kind and parts them at another kind', () => {
    expect(partsOf(text('a'), text('b'), thought('x'), thought('y'), text('c'))).toEqual([
      { case: 'text', value: 'ab' },
      { case: 'reasoning', value: { text: 'xy', ...origin } },
      { case: 'text', value: 'c' },
    ])
  })

  it('is parted by a tool call, but not by a citation', () => {
    expect(partsOf(text('a'), call('c1'), text('b'))?.map(kind => kind?.case)).toEqual([
      'text',
      'toolCall',
      'text',
    ])
    expect(partsOf(text('a'), citation, text('b'))).toEqual([
      { case: 'text', value: 'ab' },
      { case: 'citation', value: { url: 'https://example.org', title: 'T', text: 'cited' } },
    ])
  })

  it('joins interleaved arguments to their own calls, and gives {} to a call without any', () => {
    const parts = partsOf(
      call('c1'),
      call('c2'),
      { type: 'tool_call_arguments', callId: 'c1', text: '{"a"' },
      { type: 'tool_call_arguments', callId: 'c3', text: 'nobody asked' },
      { type: 'tool_call_end', callId: 'c2' },
      { type: 'tool_call_arguments', callId: 'c1', text: ':1}' },
      { type: 'tool_call_end', callId: 'c1' },
    )
    expect(parts).toEqual([
      { case: 'toolCall', value: { callId: 'c1', name: 'look', arguments: '{"a":1}' } },
      { case: 'toolCall', value: { callId: 'c2', name: 'look', arguments: '{}' } },
    ])
  })

  it('seals the reasoning that it follows, and stands alone where there is none', () => {
    expect(partsOf(thought('x'), sealed(1), sealed(2))).toEqual([
      { case: 'reasoning', value: { text: 'x', opaque: Uint8Array.of(2), ...origin } },
    ])
    expect(partsOf(text('a'), sealed(1), text('b'))).toEqual([
      { case: 'text', value: 'ab' },
      { case: 'reasoning', value: { text: '', opaque: Uint8Array.of(1), ...origin } },
    ])
  })

  it('keeps the latest counts, reason and id, and gathers metadata field by field', () => {
    const counts = {
      inputTokens: 1,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 2,
      reasoningTokens: 0,
    }
    const answer = grown(
      { type: 'usage', counts },
      { type: 'meta', responseId: 'up-1', metadata: { a: 1, b: 1 } },
      { type: 'usage', counts: { ...counts, outputTokens: 9 } },
      { type: 'meta', metadata: { b: 2 } },
      { type: 'finish', reason: FinishReason.LENGTH },
    )
    expect(answer.hasOutput()).toBe(false)
    expect(answer.counts()?.outputTokens).toBe(9)
    expect(answer.responseId()).toBe('up-1')
    expect(answer.metadata()).toEqual({ a: 1, b: 2 })
    expect(answer.finishReason()).toBe(FinishReason.LENGTH)
  })

  it('lists what was written, for the counter', () => {
    const answer = grown(thought('hm'), text('a'), citation, call('c1'), {
      type: 'tool_call_arguments',
      callId: 'c1',
      text: '{}',
    })
    expect(answer.writtenTexts()).toEqual(['hm', 'a', 'look{}'])
  })

  it('marks a partial message, and empties texts alone in the stripped one', () => {
    const answer = grown(text('a'), thought('x'), sealed(1), call('c1'), citation)
    expect(answer.message(true).partial).toBe(true)
    const stripped = answer.strippedMessage().content as MessageInitContent
    expect(stripped.map(part => part.kind)).toEqual([
      { case: 'text', value: '' },
      { case: 'reasoning', value: { text: '', opaque: Uint8Array.of(1), ...origin } },
      { case: 'toolCall', value: { callId: 'c1', name: 'look', arguments: '{}' } },
      { case: 'citation', value: { url: 'https://example.org', title: 'T', text: 'cited' } },
    ])
  })
})

type MessageInitContent = NonNullable<
  Extract<Parameters<typeof create<typeof MessageSchema>>[1], { content?: unknown }>['content']
>

/** The answer as JSON without what differs between any two calls: its id and how long things took. */
function comparable(response: CompleteResponse) {
  for (const attempt of response.route?.attempts ?? []) {
    delete attempt.duration
    delete attempt.timeToFirstToken
    delete attempt.startOffsetDuration
  }
  return toJson(CompleteResponseSchema, { ...response, id: '' })
}

async function bothAnswers(script: readonly Step[]) {
  const rig = createCompletionRig([createScriptedProvider('one', [script])])
  const unary = create(CompleteResponseSchema, await rig.complete(createTestCall().call, ask('hi')))
  const streamed = await collect(rig.stream(createTestCall().call, ask('hi')))
  return { unary: comparable(unary), streamed: comparable(streamed) }
}

describe('the answer that a client puts together from the events of a stream', () => {
  it.each<[string, readonly Delta[]]>([
    ['nothing but the end', []],
    ['sealed reasoning between two texts', [text('a'), sealed(1), text('b')]],
    ['sealed reasoning before reasoning that can be read', [sealed(1), thought('x'), sealed(2)]],
    ['sealed reasoning, text, and reasoning after it', [sealed(1), text('a'), thought('x'), text('b')]],
    ['a citation between sealed and open reasoning', [text('a'), sealed(1), citation, thought('x')]],
    [
      'sealed reasoning before and after a tool call',
      [sealed(1), call('c'), sealed(2), thought('x'), text('a')],
    ],
  ])('is that of the unary call: %s', async (_, deltas) => {
    const { unary, streamed } = await bothAnswers([
      [...deltas, { type: 'finish', reason: FinishReason.STOP }],
    ])
    expect(streamed).toEqual(unary)
  })

  it('is that of the unary call for any mixture of deltas', async () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const { unary, streamed } = await bothAnswers(randomScript(createChance(seed)))
      expect(streamed, `seed ${seed}`).toEqual(unary)
    }
  })
})

function randomScript(chance: Chance): readonly Step[] {
  const deltas: Delta[] = []
  const calls: string[] = []
  const words = (): string => chance.oneOf(['a', ' word', '\n', '👩‍🚀', '{"x":', 'ß', '"'])
  const anyCall = (): string => calls[chance.below(calls.length + 1)] ?? 'never-started'
  for (let left = chance.below(25); left > 0; left -= 1) {
    const kind = chance.oneOf([
      'text',
      'thought',
      'sealed',
      'start',
      'arguments',
      'end',
      'cite',
      'usage',
      'meta',
    ])
    if (kind === 'text') deltas.push(text(words()))
    if (kind === 'thought') deltas.push(thought(words()))
    if (kind === 'sealed') deltas.push(sealed(chance.below(256)))
    if (kind === 'start') {
      calls.push(`call_${calls.length}`)
      deltas.push(call(`call_${calls.length - 1}`))
    }
    if (kind === 'arguments') deltas.push({ type: 'tool_call_arguments', callId: anyCall(), text: words() })
    if (kind === 'end') deltas.push({ type: 'tool_call_end', callId: anyCall() })
    if (kind === 'cite') deltas.push(citation)
    if (kind === 'meta')
      deltas.push({ type: 'meta', responseId: `up-${left}`, metadata: { [words()]: left } })
    if (kind === 'usage') {
      const outputTokens = chance.below(1000)
      const counts = {
        inputTokens: 7,
        cachedInputTokens: 3,
        cacheWriteTokens: 0,
        outputTokens,
        reasoningTokens: 1,
      }
      deltas.push({ type: 'usage', counts })
    }
  }
  deltas.push({ type: 'finish', reason: chance.oneOf([FinishReason.STOP, FinishReason.TOOL_CALLS]) })
  const batches: Step[] = []
  while (deltas.length > 0) batches.push(deltas.splice(0, 1 + chance.below(4)))
  return batches
}
