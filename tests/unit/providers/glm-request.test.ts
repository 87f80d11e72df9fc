// Checks what GLM is sent for each field of the contract, model by model, and what is said about the rest.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { glmDialect } from '../../../src/providers/glm.ts'
import { attempt, thrown, user } from './attempt.ts'
import { call, known, mediaData, mediaUrl, result, said, text, thought, weather, wireOf } from './known.ts'

const dialect = glmDialect('search_pro_jina')
const request = (init: Parameters<typeof attempt>[0], model = 'glm-5.3', stream = false) => {
  const input = attempt(init, { model: known(model), stream })
  const { request_id: requestId, ...body } = wireOf(input, dialect)
  return { body, requestId, warnings: input.warnings }
}

describe('a request to GLM', () => {
  it('has its own names, and an id of its own each time', () => {
    const { body, requestId, warnings } = request({ maxOutputTokens: 4096, user: 'user-1' })
    expect(body).toEqual({
      model: 'glm-5.3',
      messages: [{ role: 'user', content: 'Hello' }],
      max_tokens: 4096,
      user_id: 'user-1',
    })
    expect(warnings).toEqual([])
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(request({}).requestId).not.toBe(requestId)
  })

  it('is clamped, cut and stripped to what it takes, and says so', () => {
    const { body, warnings } = request(
      {
        temperature: 1.5,
        topP: 0.001,
        stop: ['a', 'b'],
        seed: 1n,
        promptCacheKey: 'k',
        serviceTier: 'priority',
        metadata: { a: 'b' },
        tools: [{ ...weather, strict: true }],
        parallelToolCalls: false,
      },
      'glm-4.6',
    )
    expect(body).toMatchObject({ temperature: 1, top_p: 0.01, stop: ['a'] })
    expect(Object.keys(body).sort()).toEqual(['messages', 'model', 'stop', 'temperature', 'tools', 'top_p'])
    expect(warnings.map(warning => warning.split(':')[0]).sort()).toEqual([
      'CLAMPED stop',
      'CLAMPED temperature',
      'CLAMPED top_p',
      'DROPPED parallel_tool_calls',
      'DROPPED prompt_cache_key',
      'DROPPED seed',
      'DROPPED service_tier',
      'DROPPED tools[0].strict',
      'NOTICE metadata',
    ])
  })

  it.each([
    ['u1', /^[0-9a-f]{64}$/],
    ['u'.repeat(129), /^[0-9a-f]{64}$/],
    ['u'.repeat(6), /^u{6}$/],
    ['u'.repeat(128), /^u{128}$/],
  ])('has a user id of 6 to 128 characters for %s', (id, sent) => {
    expect(request({ user: id }).body['user_id']).toMatch(sent)
  })

  it('does not ask a stream for counts, and asks models that can for arguments in pieces', () => {
    const stream = (model: string) => request({ tools: [weather] }, model, true).body
    expect(stream('glm-5.3')).toMatchObject({ stream: true, tool_stream: true })
    expect(stream('glm-5.3')).not.toHaveProperty('stream_options')
    expect(stream('glm-4.6')).toHaveProperty('tool_stream', true)
    expect(stream('glm-4.5-air')).not.toHaveProperty('tool_stream')
    expect(stream('glm-4-32b-0414-128k')).not.toHaveProperty('tool_stream')
    expect(request({ tools: [weather] }).body).not.toHaveProperty('tool_stream')
  })

  it('warns that thinking may use up a small cap', () => {
    const { body, warnings } = request({ maxOutputTokens: 100, strict: true })
    expect(body['max_tokens']).toBe(100)
    expect(warnings).toEqual(['NOTICE max_output_tokens: glm-5.3 may spend all 100 tokens on thinking'])
    expect(request({ maxOutputTokens: 100 }, 'glm-4.6').warnings).toEqual([])
  })
})

describe('thinking of GLM', () => {
  const { NONE, MINIMAL, LOW, MEDIUM, HIGH, XHIGH, MAX } = ReasoningEffort
  const effort = (reasoningEffort: ReasoningEffort, model: string) => {
    const { body, warnings } = request({ reasoningEffort }, model)
    const { type } = (body['thinking'] ?? {}) as { type?: string }
    return [type, body['reasoning_effort'], warnings.length]
  }

  it.each([
    [NONE, 'low', 1],
    [MINIMAL, 'low', 1],
    [LOW, 'low', 0],
    [MEDIUM, 'high', 1],
    [HIGH, 'high', 0],
    [XHIGH, 'max', 1],
    [MAX, 'max', 0],
  ])('is never off for 5.3: effort %i is %s', (asked, sent, warnings) => {
    for (const model of ['glm-5.3', 'glm-5.3-flash', 'glm-5.3-flashx'])
      expect(effort(asked, model)).toEqual([undefined, sent, warnings])
  })

  it.each([
    [NONE, 'disabled', undefined],
    [MINIMAL, undefined, 'minimal'],
    [LOW, undefined, 'low'],
    [XHIGH, undefined, 'xhigh'],
    [MAX, undefined, 'max'],
  ])('has every step for 5.2: effort %i', (asked, type, sent) => {
    expect(effort(asked, 'glm-5.2')).toEqual([type, sent, 0])
  })

  it.each(['glm-4.5', 'glm-4.6', 'glm-4.7', 'glm-5', 'glm-5-turbo', 'glm-5.1'])(
    'is on or off for %s',
    model => {
      expect(effort(NONE, model)).toEqual(['disabled', undefined, 0])
      expect(effort(HIGH, model)).toEqual(['enabled', undefined, 1])
      expect(request({}, model).body).not.toHaveProperty('thinking')
    },
  )

  it('is not spoken of to a model that cannot think', () => {
    expect(effort(NONE, 'glm-4-32b-0414-128k')).toEqual([undefined, undefined, 0])
    expect(effort(HIGH, 'glm-4-32b-0414-128k')).toEqual([undefined, undefined, 1])
  })

  it('keeps what was thought before the calls of tools', () => {
    const messages = [
      user('Weather?'),
      said(Role.ASSISTANT, thought('Hm.', 'glm'), call('call_1')),
      result('call_1', '18 degrees'),
    ]
    const { body } = request({ messages, tools: [weather] })
    expect(body['thinking']).toEqual({ type: 'enabled', clear_thinking: false })
    expect(body['messages']).toMatchObject([
      {},
      { role: 'assistant', reasoning_content: 'Hm.', tool_calls: [{ id: 'call_1' }] },
      { role: 'tool', content: '18 degrees' },
    ])
    const off = request({ messages, tools: [weather], reasoningEffort: NONE }, 'glm-4.6')
    expect(off.body['thinking']).toEqual({ type: 'disabled' })
  })
})

describe('messages to GLM', () => {
  it('have strings where lists would be dropped, and no content beside calls alone', () => {
    const { body } = request({
      messages: [
        said(Role.SYSTEM, text('Be'), text('brief')),
        said(Role.USER, text('One'), text('two')),
        said(Role.ASSISTANT, text('A'), text('B')),
        user('Go'),
        said(Role.ASSISTANT, call('call_1')),
        result('call_1', ''),
      ],
    })
    expect(body['messages']).toEqual([
      { role: 'system', content: 'Be\nbrief' },
      { role: 'user', content: 'One\ntwo' },
      { role: 'assistant', content: 'AB' },
      { role: 'user', content: 'Go' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '(empty)' },
    ])
  })

  it('hold no thoughts of other providers', () => {
    const foreign = said(Role.ASSISTANT, thought('Secret', 'kimi', Buffer.from('seal')), text('Yo'))
    const { body } = request({ messages: [user('Hi'), foreign, user('Again')] })
    expect(JSON.stringify(body)).not.toContain('Secret')
  })

  it('have images by URL or bytes, and videos by URL, for models with eyes', () => {
    const parts = [
      text('Look'),
      mediaUrl('image/png', 'https://example.com/a.png', 'high'),
      mediaData('image/jpeg', 'abc', 'auto'),
      mediaUrl('video/mp4', 'https://example.com/v.mp4'),
    ]
    const { body, warnings } = request({ messages: [said(Role.USER, ...parts)] }, 'glm-5.3-flash')
    expect(body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'image_url', image_url: { url: 'data:image/jpeg;base64,YWJj' } },
          { type: 'video_url', video_url: { url: 'https://example.com/v.mp4' } },
        ],
      },
    ])
    expect(warnings).toEqual(['DROPPED messages[0].content[1].media.detail: the host takes no high'])
  })

  it('have documents by URL, and in no request with pictures', () => {
    const document = mediaUrl('application/pdf', 'https://example.com/d.pdf')
    const other = mediaUrl('text/plain', 'https://example.com/d.txt')
    const { body } = request({ messages: [said(Role.USER, document, other)] }, 'glm-5.3-flash')
    expect(body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'file_url', file_url: { url: 'https://example.com/d.pdf' } },
          { type: 'file_url', file_url: { url: 'https://example.com/d.txt' } },
        ],
      },
    ])
    const picture = mediaUrl('image/png', 'https://example.com/a.png')
    const messages = [said(Role.USER, picture), said(Role.USER, text('And'), document)]
    expect(thrown(() => request({ messages }, 'glm-5.3-flash')).message).toBe(
      'messages[1].content[1]: glm reads no image_url and file_url in one request',
    )
  })

  it.each([
    ['glm-5.3', mediaUrl('image/png', 'https://example.com/a.png'), 'glm-5.3 reads no image/png'],
    ['glm-5.3-flash', mediaData('video/mp4', 'x'), 'glm takes video/mp4 only by url'],
    ['glm-5.3-flash', mediaData('application/pdf', 'x'), 'glm takes application/pdf only by url'],
    ['glm-5.3-flash', mediaData('audio/wav', 'x'), 'glm takes no audio/wav at this endpoint'],
    [
      'glm-5.3-flash',
      mediaUrl('audio/flac', 'https://a.example'),
      'glm takes no audio/flac at this endpoint',
    ],
  ])('to %s are refused by the place of what it cannot read', (model, part, why) => {
    const error = thrown(() => request({ messages: [said(Role.USER, part)] }, model))
    expect([error.reason, error.message]).toEqual(['UNSUPPORTED', `messages[0].content[0]: ${why}`])
  })
})

describe('tools of GLM', () => {
  const choose = (mode: ToolChoice_Mode) =>
    request({ tools: [weather], toolChoice: { choice: { case: 'mode', value: mode } } })

  it('are called as the model will, whatever is asked', () => {
    expect(choose(ToolChoice_Mode.AUTO).body['tool_choice']).toBe('auto')
    const required = choose(ToolChoice_Mode.REQUIRED)
    expect(required.body['tool_choice']).toBe('auto')
    expect(required.warnings).toEqual(['CHANGED tool_choice: auto, because glm cannot be told required'])
  })

  it('are not sent when none may be called', () => {
    const { body, warnings } = choose(ToolChoice_Mode.NONE)
    expect(body).not.toHaveProperty('tools')
    expect(body).not.toHaveProperty('tool_choice')
    expect(warnings).toEqual(['NOTICE tools: not sent, because glm cannot be told to call none of them'])
  })

  it('have the search of the country beside them', () => {
    const webSearch = { maxResults: 5, domains: ['example.org', 'example.com'] }
    const { body, warnings } = request({ webSearch, tools: [weather] })
    expect(body['tools']).toMatchObject([
      { type: 'function' },
      {
        type: 'web_search',
        web_search: {
          enable: true,
          search_engine: 'search_pro_jina',
          search_result: true,
          count: 5,
          search_domain_filter: 'example.org',
        },
      },
    ])
    expect(warnings).toHaveLength(1)
  })
})

describe('a strict request to GLM', () => {
  it.each([
    ['temperature', { temperature: 1.5 }],
    ['stop', { stop: ['a', 'b'] }],
    ['seed', { seed: 1n }],
    ['reasoning_effort', { reasoningEffort: ReasoningEffort.NONE }],
    ['tools[0].strict', { tools: [{ ...weather, strict: true }] }],
    ['user', { user: 'u1' }],
  ])('is refused by the name of %s', (field, init) => {
    const error = thrown(() => request({ ...init, strict: true }))
    expect(error.reason).toBe('UNSUPPORTED')
    expect(error.message).toMatch(new RegExp(`^${field.replace(/[[\]]/g, '\\$&')}: `))
  })
})
