// Checks what Kimi is sent for each field of the contract, model by model, and what is said about the rest.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { kimiDialect } from '../../../src/providers/kimi.ts'
import { attempt, thrown, user } from './attempt.ts'
import { call, known, mediaData, mediaUrl, result, said, text, thought, weather, wireOf } from './known.ts'

type Init = Parameters<typeof attempt>[0]
const request = (init: Init, model = 'kimi-k3', stream = false) => {
  const input = attempt(init, { model: known(model), stream })
  return { body: wireOf(input, kimiDialect), warnings: input.warnings }
}
const { NONE, MINIMAL, LOW, MEDIUM, HIGH, XHIGH, MAX } = ReasoningEffort

describe('a request to Kimi', () => {
  it('has its own names', () => {
    const init: Init = { maxOutputTokens: 4096, user: 'u1', promptCacheKey: 'k', stop: ['END'] }
    const { body, warnings } = request(init, 'kimi-k3', true)
    expect(body).toEqual({
      model: 'kimi-k3',
      messages: [{ role: 'user', content: 'Hello' }],
      max_completion_tokens: 4096,
      safety_identifier: 'u1',
      prompt_cache_key: 'k',
      stop: ['END'],
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(warnings).toEqual([])
  })

  it('has no sampling at all, since its own is fixed', () => {
    const { body, warnings } = request({ temperature: 0.6, topP: 0.9, seed: 1n, serviceTier: 'flex' })
    expect(Object.keys(body).sort()).toEqual(['messages', 'model'])
    expect(warnings.map(warning => warning.split(':')[0])).toEqual([
      'DROPPED temperature',
      'DROPPED top_p',
      'DROPPED seed',
      'DROPPED service_tier',
    ])
  })

  it('has at most 5 stop strings of at most 32 bytes', () => {
    const stop = ['ü'.repeat(17), 'ü'.repeat(16), 'a', 'b', 'c', 'd', 'e']
    const { body, warnings } = request({ stop })
    expect(body['stop']).toEqual(['ü'.repeat(16), 'a', 'b', 'c', 'd'])
    expect(warnings).toEqual([
      'DROPPED stop[0]: 32 bytes are the most that kimi takes',
      'CLAMPED stop: only the first 5 of 6 are sent',
    ])
  })
})

describe('thinking of Kimi', () => {
  const effort = (reasoningEffort: ReasoningEffort, model: string) => {
    const { body, warnings } = request({ reasoningEffort }, model)
    return [body['thinking'], body['reasoning_effort'], warnings.length]
  }

  it.each([
    [NONE, 'low', 1],
    [MINIMAL, 'low', 1],
    [LOW, 'low', 0],
    [MEDIUM, 'high', 1],
    [HIGH, 'high', 0],
    [XHIGH, 'max', 1],
    [MAX, 'max', 0],
  ])('has three steps from k3 on, and no object beside them: effort %i is %s', (asked, sent, warnings) => {
    for (const model of ['kimi-k3', 'kimi-k3.1-pro', 'kimi-k3.1-pro-highspeed'])
      expect(effort(asked, model)).toEqual([undefined, sent, warnings])
  })

  it('is on or off for k2.5 and k2.6', () => {
    for (const model of ['kimi-k2.5', 'kimi-k2.6']) {
      expect(effort(NONE, model)).toEqual([{ type: 'disabled' }, undefined, 0])
      expect(effort(LOW, model)).toEqual([{ type: 'enabled' }, undefined, 1])
    }
  })

  it('is never spoken of to k2.7, which refuses to stop it', () => {
    for (const model of ['kimi-k2.7-code', 'kimi-k2.7-code-highspeed']) {
      expect(effort(NONE, model)).toEqual([undefined, undefined, 1])
      expect(effort(MAX, model)).toEqual([undefined, undefined, 1])
    }
  })
})

describe('tool calls in the history for Kimi', () => {
  const turns = (...parts: Parameters<typeof said>[1][]) => [
    user('Weather?'),
    said(Role.ASSISTANT, ...parts, call('call_1')),
    result('call_1', '18'),
  ]
  const echoed = (init: Init, model = 'kimi-k3') => {
    const [, turn] = request(init, model).body['messages'] as Record<string, unknown>[]
    return turn
  }

  it('stand with what was thought before them', () => {
    expect(echoed({ messages: turns(thought('Hm.', 'kimi')) })).toEqual({
      role: 'assistant',
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
      reasoning_content: 'Hm.',
    })
  })

  it('stand with a space where nothing is known, and with the words of another provider where there are some', () => {
    expect(echoed({ messages: turns() })).toHaveProperty('reasoning_content', ' ')
    const foreign = thought('Hm, said GLM.', 'glm', Buffer.from('seal'))
    expect(echoed({ messages: turns(foreign) })).toHaveProperty('reasoning_content', 'Hm, said GLM.')
  })

  it('stand alone when the model does not think', () => {
    const messages = turns(thought('Hm.', 'kimi'))
    expect(echoed({ messages, reasoningEffort: NONE }, 'kimi-k2.6')).not.toHaveProperty('reasoning_content')
    const providerOptions = { kimi: { thinking: { type: 'disabled' } } }
    expect(echoed({ messages, providerOptions }, 'kimi-k2.6')).not.toHaveProperty('reasoning_content')
    expect(echoed({ messages }, 'kimi-k2.6')).toHaveProperty('reasoning_content', 'Hm.')
  })
})

describe('messages to Kimi', () => {
  it('are never empty', () => {
    const { body, warnings } = request({
      messages: [
        said(Role.SYSTEM, text('Be brief')),
        user('Hi'),
        said(Role.ASSISTANT, thought('Hm.', 'kimi')),
        said(Role.USER, text(''), mediaData('image/png', 'abc')),
        said(Role.ASSISTANT, call('call_1')),
        result('call_1', ''),
      ],
    })
    expect(body['messages']).toMatchObject([
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'Hi' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,YWJj' } }] },
      { role: 'assistant', reasoning_content: ' ' },
      { role: 'tool', content: '(empty)' },
    ])
    expect(warnings).toEqual(['NOTICE messages[2]: not sent, because it has neither text nor tool calls'])
  })

  it.each([
    ['a URL', mediaUrl('image/png', 'https://example.com/a.png'), 'kimi takes image/png only as data'],
    ['a document', mediaData('application/pdf', 'x'), 'kimi takes no application/pdf at this endpoint'],
    ['sound', mediaData('audio/wav', 'x'), 'kimi takes no audio/wav at this endpoint'],
  ])('are refused with %s in them', (_, part, why) => {
    const error = thrown(() => request({ messages: [said(Role.USER, part)] }))
    expect([error.reason, error.message]).toEqual(['UNSUPPORTED', `messages[0].content[0]: ${why}`])
  })
})

describe('the choice of tools for Kimi', () => {
  const tools = [weather, { name: 'get_time' }]
  const choose = (
    choice: 'named' | ToolChoice_Mode,
    model: string,
    more: Pick<Init, 'reasoningEffort'> = {},
  ) => {
    const toolChoice =
      choice === 'named'
        ? ({ choice: { case: 'toolName', value: 'get_time' } } as const)
        : ({ choice: { case: 'mode', value: choice } } as const)
    const { body, warnings } = request({ ...more, tools, toolChoice }, model)
    const names = (body['tools'] as { function: { name: string } }[]).map(tool => tool.function.name)
    return { choice: body['tool_choice'], thinking: body['thinking'], names, warnings }
  }

  it('is none or auto for all', () => {
    for (const model of ['kimi-k3', 'kimi-k2.6', 'kimi-k2.7-code']) {
      expect(choose(ToolChoice_Mode.NONE, model)).toMatchObject({ choice: 'none', warnings: [] })
      expect(choose(ToolChoice_Mode.AUTO, model)).toMatchObject({ choice: 'auto', warnings: [] })
    }
  })

  it('is required for k3, and a name becomes required of one tool', () => {
    expect(choose(ToolChoice_Mode.REQUIRED, 'kimi-k3')).toMatchObject({ choice: 'required', warnings: [] })
    const named = choose('named', 'kimi-k3.1-pro')
    expect(named).toMatchObject({ choice: 'required', names: ['get_time'] })
    expect(named.warnings).toEqual([
      'CHANGED tool_choice: required, with only that tool, because kimi-k3.1-pro cannot be told a name',
    ])
  })

  it('switches the thinking of k2.5 and k2.6 off', () => {
    const named = choose('named', 'kimi-k2.5')
    expect(named.choice).toEqual({ type: 'function', function: { name: 'get_time' } })
    expect(named.thinking).toEqual({ type: 'disabled' })
    expect(named.warnings).toEqual([
      'CHANGED reasoning_effort: none, because kimi-k2.5 does not think while it must call a tool',
    ])
    const told = choose(ToolChoice_Mode.REQUIRED, 'kimi-k2.6', { reasoningEffort: NONE })
    expect(told).toMatchObject({ choice: 'required', thinking: { type: 'disabled' }, warnings: [] })
  })

  it('is auto for k2.7, which thinks always', () => {
    const { choice, warnings } = choose(ToolChoice_Mode.REQUIRED, 'kimi-k2.7-code')
    expect([choice, ...warnings]).toEqual([
      'auto',
      'CHANGED tool_choice: auto, because kimi cannot be told required',
    ])
  })
})

describe('the search of Kimi', () => {
  it('is a function of its own beside the others', () => {
    const { body, warnings } = request({
      webSearch: { maxResults: 3, domains: ['a.example'] },
      tools: [weather],
    })
    expect(body['tools']).toMatchObject([
      { type: 'function', function: { name: 'get_weather' } },
      { type: 'builtin_function', function: { name: '$web_search' } },
    ])
    expect(warnings.map(warning => warning.split(':')[0])).toEqual([
      'DROPPED web_search.max_results',
      'DROPPED web_search.domains',
    ])
  })
})
