// Checks how an answer is held back, mended once and let through, on hosts that cannot be told a form.
import { describe, expect, it } from 'vitest'
import { FinishReason, type Message, Role } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../src/core/delta.ts'
import type { AttemptInput } from '../../../src/core/provider.ts'
import { unfenced, withEmulatedSchema } from '../../../src/providers/emulated-schema.ts'
import { attempt, collect, failure, textOf, user } from './attempt.ts'
import { countsOf, said, text } from './known.ts'

const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }
const responseFormat = { format: { case: 'jsonSchema', value: { name: 'thing', schema } } } as const
const saying = (value: string): Delta => ({ type: 'text', text: value })
const finish = (reason: FinishReason = FinishReason.STOP): Delta => ({ type: 'finish', reason })
const usage = (inputTokens: number): Delta => ({
  type: 'usage',
  counts: {
    inputTokens,
    cachedInputTokens: 1,
    cacheWriteTokens: 0,
    outputTokens: 2,
    reasoningTokens: 1,
  },
})

/** A host that gives these answers in turn, and what it was asked. */
function host(...answers: readonly (readonly Delta[])[]) {
  const asked: AttemptInput[] = []
  const ask = async function* (input: AttemptInput) {
    asked.push(input)
    // Each delta is a batch of its own, as in a stream.
    for (const delta of answers[asked.length - 1] ?? []) yield [delta]
  }
  return { asked, ask }
}
const wordsOf = ({ content }: Message): string =>
  content.map(({ kind }) => (kind.case === 'text' ? kind.value : '')).join('|')

describe('an answer that must follow a schema', () => {
  it('is held back until it does, while thoughts are passed on', async () => {
    const { ask } = host([
      { type: 'reasoning', text: 'Hm.' },
      saying('{"a"'),
      saying(':1}'),
      usage(5),
      finish(),
    ])
    const input = attempt({ responseFormat })
    expect(await collect(withEmulatedSchema(ask, { responseForms: [] })(input))).toEqual([
      { type: 'reasoning', text: 'Hm.' },
      usage(5),
      saying('{"a":1}'),
      finish(),
    ])
    expect(input.warnings).toHaveLength(1)
  })

  it('is asked for in the first system message, and as an object where the host has that mode', async () => {
    const { ask, asked } = host([saying('{"a":1}'), finish()])
    const messages = [said(Role.SYSTEM, text('Be brief')), user('Hi')]
    await collect(
      withEmulatedSchema(ask, { responseForms: ['json_object'] })(attempt({ responseFormat, messages })),
    )
    expect(asked[0]?.request.responseFormat?.format.case).toBe('json')
    const [system, question] = asked[0]?.messages ?? []
    expect(system && wordsOf(system)).toMatch(
      /^Be brief\|Answer with one JSON value .*JSON Schema \(thing\):\n\{"type":"object"/s,
    )
    expect(question && wordsOf(question)).toBe('Hi')
  })

  it('is asked for without that mode when it is no object, which the mode always makes', async () => {
    const { ask, asked } = host([saying('["x"]'), finish()])
    const list = {
      format: { case: 'jsonSchema', value: { name: 'list', schema: { type: 'array' } } },
    } as const
    const input = attempt({ responseFormat: list })
    expect(textOf(await collect(withEmulatedSchema(ask, { responseForms: ['json_object'] })(input)))).toBe(
      '["x"]',
    )
    expect(asked[0]?.request.responseFormat).toBeUndefined()
  })

  it('is mended once: the model sees what it wrote and what is wrong, and both requests are counted', async () => {
    const { ask, asked } = host(
      [saying('{"a":"x"}'), usage(5), finish()],
      [saying('{"a":2}'), usage(7), finish()],
    )
    const input = attempt({ responseFormat })
    const deltas = await collect(withEmulatedSchema(ask, { responseForms: [] })(input))
    expect(textOf(deltas)).toBe('{"a":2}')
    expect(countsOf(deltas)).toEqual({
      inputTokens: 12,
      cachedInputTokens: 2,
      cacheWriteTokens: 0,
      outputTokens: 4,
      reasoningTokens: 2,
      // Each has a price of its own, and the second is for mending.
      parts: [
        expect.objectContaining({ inputTokens: 5 }),
        expect.objectContaining({ inputTokens: 7, cause: 'repair' }),
      ],
    })
    expect(countsOf(deltas)?.parts?.[0]).not.toHaveProperty('cause')
    const [, , wrong, why] = asked[1]?.messages ?? []
    expect([wrong?.role, wrong && wordsOf(wrong)]).toEqual([Role.ASSISTANT, '{"a":"x"}'])
    expect(why && wordsOf(why)).toContain('/a must be of type integer')
    expect(input.warnings).toHaveLength(1)
  })

  it('is broken when it is still wrong', async () => {
    const { ask } = host([saying('no'), finish()], [saying('[]'), finish()])
    const { error, said: before } = await failure(
      withEmulatedSchema(ask, { responseForms: [] })(attempt({ responseFormat })),
    )
    expect([error.reason, error.message]).toEqual([
      'UPSTREAM_BROKEN',
      'openai did not keep to response_format: the value must be of type object',
    ])
    expect(textOf(before)).toBe('')
  })

  it('may be cut or refused, and is then what it is', async () => {
    for (const reason of [FinishReason.LENGTH, FinishReason.CONTENT_FILTER]) {
      const { ask, asked } = host([saying('{"a"'), finish(reason)])
      const deltas = await collect(
        withEmulatedSchema(ask, { responseForms: [] })(attempt({ responseFormat })),
      )
      expect(deltas).toEqual([saying('{"a"'), finish(reason)])
      expect(asked).toHaveLength(1)
    }
  })

  it('is not the answer yet while tools are called', async () => {
    const turn: readonly Delta[] = [
      saying('Let me see.'),
      { type: 'tool_call_start', callId: 'c', name: 'f' },
      { type: 'tool_call_end', callId: 'c' },
      finish(FinishReason.TOOL_CALLS),
    ]
    const { ask } = host(turn)
    expect(
      await collect(withEmulatedSchema(ask, { responseForms: [] })(attempt({ responseFormat }))),
    ).toEqual(turn)
  })

  it('is left to a host that can be held to it, unless this schema is none for it', async () => {
    const forms = { responseForms: ['json_object', 'json_schema'] } as const
    const able = host([saying('as it is'), finish()])
    expect(textOf(await collect(withEmulatedSchema(able.ask, forms)(attempt({ responseFormat }))))).toBe(
      'as it is',
    )
    expect(able.asked[0]?.request.responseFormat).toBeDefined()
    const unable = host([saying(' {"a":1} '), finish()])
    const picky = { ...forms, schemaFits: () => false }
    expect(textOf(await collect(withEmulatedSchema(unable.ask, picky)(attempt({ responseFormat }))))).toBe(
      '{"a":1}',
    )
  })
})

describe('a code fence', () => {
  it.each([
    ['```json\n{"a":1}\n```', '{"a":1}'],
    ['  ```\n{"a":\n1}\n```  ', '{"a":\n1}'],
    ['```JSON\n[]```', '[]'],
    ['{"a":"```"}', '{"a":"```"}'],
    ['Here: ```json\n1\n```', 'Here: ```json\n1\n```'],
  ])('around %j is taken off', (whole, inner) => {
    expect(unfenced(whole)).toBe(inner)
  })
})
