// Checks what is done around a request: other names for tools, downloads, and searches that never end.
import { describe, expect, it } from 'vitest'
import { FinishReason, Role } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { AttemptInput } from '../../../src/core/provider.ts'
import { withFetchedMedia } from '../../../src/providers/fetch-media.ts'
import { createGlm } from '../../../src/providers/glm.ts'
import { createKimi, kimiDialect } from '../../../src/providers/kimi.ts'
import { withSearch } from '../../../src/providers/search-loop.ts'
import { withToolNames } from '../../../src/providers/tool-names.ts'
import { attempt, collect, failure, user } from './attempt.ts'
import { call, callsOf, countsOf, mediaUrl, result, said, text } from './known.ts'

const names = /^[a-zA-Z_][a-zA-Z0-9_-]{2,63}$/

/** Keeps what it is asked, and answers by a function. */
function host(answer: (input: AttemptInput, count: number) => readonly Delta[]) {
  const asked: AttemptInput[] = []
  const ask = async function* (input: AttemptInput) {
    asked.push(input)
    for (const delta of answer(input, asked.length)) yield [delta]
  }
  return { asked, ask }
}
const calling = (name: string, callId = 'c', args = '{}'): readonly Delta[] => [
  { type: 'tool_call_start', callId, name },
  { type: 'tool_call_arguments', callId, text: args },
  { type: 'tool_call_end', callId },
  { type: 'finish', reason: FinishReason.TOOL_CALLS },
]

describe('names of tools', () => {
  it('that fit are left alone', async () => {
    const { ask, asked } = host(() => calling('get_weather'))
    const input = attempt({ tools: [{ name: 'get_weather' }] })
    await collect(withToolNames(ask, names, undefined)(input))
    expect(asked[0]).toBe(input)
  })

  it('that do not fit are others on the way out, and themselves on the way back', async () => {
    const { ask, asked } = host(({ request }) => calling(request.tools[1]?.name ?? ''))
    const messages = [user('Hi'), said(Role.ASSISTANT, call('call_1', '{}', 'go')), result('call_1', 'x')]
    const toolChoice = { choice: { case: 'toolName', value: '1st' } } as const
    const tools = [{ name: 'fn_go' }, { name: 'go', description: 'Goes' }, { name: '1st' }]
    const input = attempt({ messages, tools, toolChoice })
    expect(callsOf(await collect(withToolNames(ask, names, undefined)(input)))).toEqual([['go', '{}']])
    const [sent] = asked
    expect(sent?.request.tools.map(({ name, description }) => [name, description])).toEqual([
      ['fn_go', ''],
      ['fn_go_2', 'Goes'],
      ['fn_1st', ''],
    ])
    expect(sent?.request.toolChoice?.choice.value).toBe('fn_1st')
    const kind = sent?.messages[1]?.content[0]?.kind
    expect(kind?.case === 'toolCall' && kind.value.name).toBe('fn_go_2')
    expect(input.warnings).toEqual([
      'NOTICE tools[1].name: openai knows it as fn_go_2, because it does not take the name',
      'NOTICE tools[2].name: openai knows it as fn_1st, because it does not take the name',
    ])
  })
})

describe('media by URL', () => {
  const done: readonly Delta[] = [{ type: 'finish', reason: FinishReason.STOP }]
  const sources = (input: AttemptInput | undefined) =>
    input?.messages.flatMap(({ content }) =>
      content.flatMap(({ kind }) =>
        kind.case === 'media'
          ? [[kind.value.mimeType, kind.value.source.case, shown(kind.value.source.value)]]
          : [],
      ),
    )

  const shown = (value: unknown) => (value instanceof Uint8Array ? [...value].join() : value)

  it('become bytes, of the type that they turn out to be', async () => {
    const { ask, asked } = host(() => done)
    const fetched: string[] = []
    const fetchMedia = async (url: string) => {
      fetched.push(url)
      return {
        bytes: new Uint8Array([1, 2]),
        mimeType: url.endsWith('.bin') ? 'application/octet-stream' : 'image/webp',
      }
    }
    const parts = [
      text('Look'),
      mediaUrl('image/png', 'https://a.example/1'),
      mediaUrl('video/mp4', 'https://a.example/2.bin'),
      mediaUrl('image/gif', 'data:image/gif;base64,AwQ='),
      mediaUrl('application/pdf', 'https://a.example/3.pdf'),
    ]
    await collect(
      withFetchedMedia(ask, kimiDialect, fetchMedia)(attempt({ messages: [said(Role.USER, ...parts)] })),
    )
    expect(sources(asked[0])).toEqual([
      ['image/webp', 'data', '1,2'],
      ['video/mp4', 'data', '1,2'],
      ['image/gif', 'data', '3,4'],
      ['application/pdf', 'url', 'https://a.example/3.pdf'],
    ])
    expect(fetched).toEqual(['https://a.example/1', 'https://a.example/2.bin'])
  })

  it('that cannot be had end the attempt with the reason and the place', async () => {
    const { ask, asked } = host(() => done)
    const fault = new GatewayError('INVALID_REQUEST', 'the host of a.example is not public')
    const fetchMedia = () => Promise.reject(fault)
    const messages = [said(Role.USER, mediaUrl('image/png', 'https://a.example/1'))]
    const { error } = await failure(withFetchedMedia(ask, kimiDialect, fetchMedia)(attempt({ messages })))
    expect(error).toMatchObject({
      reason: fault.reason,
      message: `messages[0].content[0]: ${fault.message}`,
      details: { against: 'nobody' },
    })
    expect(asked).toHaveLength(0)
  })

  it('are refused by their place in the caller’s own messages', async () => {
    const { ask } = host(() => done)
    const history = [user('Before'), user('that')]
    const messages = [user('Hi'), said(Role.USER, text('x'), mediaUrl('', 'https://a.example/1'))]
    const input = attempt({ messages }, { history })
    const { error } = await failure(withFetchedMedia(ask, kimiDialect, undefined)(input))
    expect(error.message).toMatch(/^messages\[1\]\.content\[1\]: /)
  })
})

describe('a search', () => {
  const usage: Delta = {
    type: 'usage',
    counts: {
      inputTokens: 10,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 1,
      reasoningTokens: 0,
    },
  }

  it('sends back the very arguments, with what was thought and said before them', async () => {
    const args = '{"a": 1.0, "b":"\\u002d"}'
    const answers = [
      [
        { type: 'reasoning', text: 'Hm.' },
        { type: 'text', text: 'Wait. ' },
        usage,
        ...calling('$search', 'c1', args),
      ],
      [{ type: 'text', text: 'Found.' }, usage, { type: 'finish', reason: FinishReason.STOP }],
    ] as const
    const { ask, asked } = host((_, count) => answers[count - 1] ?? [])
    const deltas = await collect(withSearch(ask, '$search')(attempt({ webSearch: {} })))
    expect(deltas.map(({ type }) => type)).toEqual(['reasoning', 'text', 'usage', 'text', 'usage', 'finish'])
    expect(countsOf(deltas)).toMatchObject({ inputTokens: 20, outputTokens: 2 })
    const [, assistant, tool] = asked[1]?.messages ?? []
    expect(assistant?.content.map(({ kind }) => kind.case)).toEqual(['reasoning', 'text', 'toolCall'])
    const echoed = tool?.content[0]?.kind
    const inner = echoed?.case === 'toolResult' ? echoed.value.content[0]?.kind : undefined
    expect(inner?.value).toBe(args)
  })

  it('that never ends is broken off', async () => {
    const { ask, asked } = host(() => calling('$search'))
    const { error } = await failure(withSearch(ask, '$search')(attempt({ webSearch: {} })))
    expect([error.reason, asked.length]).toEqual(['UPSTREAM_BROKEN', 5])
    expect(asked.map(({ request }) => request.webSearch !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ])
  })

  it('is not looked for when none was asked for', async () => {
    const { ask } = host(() => calling('$search'))
    expect(callsOf(await collect(withSearch(ask, '$search')(attempt({}))))).toEqual([['$search', '{}']])
  })
})

describe('how often a host asks for one answer', () => {
  const keys = [{ label: 'k', secret: 'a-key-of-a-test' }]
  const [kimi, glm] = [createKimi({ id: 'kimi', keys }), createGlm({ id: 'glm', keys })]
  const schemaOf = (type: string) => {
    const format = { case: 'jsonSchema', value: { name: 'x', schema: { type } } } as const
    return attempt({ responseFormat: { format } }).request
  }

  it('is told before anybody is asked: with searches, and with a form that it has no mode for', async () => {
    expect([kimi.searchRounds, glm.searchRounds]).toEqual([5, undefined])
    const repairs = [kimi, glm].map(each => ['array', 'object'].map(type => each.repairs?.(schemaOf(type))))
    // Kimi has a mode for objects, GLM none for schemas.
    expect(repairs).toEqual([
      [true, false],
      [true, true],
    ])
    expect(kimi.repairs?.(attempt({}).request)).toBe(false)
    await kimi.close()
    await glm.close()
  })
})
