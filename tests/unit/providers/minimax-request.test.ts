// Checks what MiniMax is sent for each field of the contract, model by model, and what is said about the rest.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { miniMaxDialect } from '../../../src/providers/minimax.ts'
import { attempt, thrown, user } from './attempt.ts'
import { call, known, mediaData, mediaUrl, result, said, text, thought, weather, wireOf } from './known.ts'

type Init = Parameters<typeof attempt>[0]
const request = (init: Init, model = 'MiniMax-M3', stream = false) => {
  const input = attempt(init, { model: known(model), stream })
  return { body: wireOf(input, miniMaxDialect), warnings: input.warnings }
}
const { NONE, MINIMAL, LOW, MEDIUM, HIGH, XHIGH, MAX } = ReasoningEffort

describe('a request to MiniMax', () => {
  it('has its own names, and asks for thoughts apart from the text', () => {
    const { body, warnings } = request({ maxOutputTokens: 4096, serviceTier: 'priority' }, 'MiniMax-M3', true)
    expect(body).toEqual({
      model: 'MiniMax-M3',
      messages: [{ role: 'user', content: 'Hello' }],
      max_completion_tokens: 4096,
      service_tier: 'priority',
      reasoning_split: true,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(warnings).toEqual([])
  })

  it.each([
    [0, 0.01, 1],
    [0.01, 0.01, 0],
    [1, 1, 0],
    [1.2, 1, 1],
  ])('has a temperature above 0 and up to 1: %d is %d', (temperature, sent, warned) => {
    const { body, warnings } = request({ temperature })
    expect([body['temperature'], warnings.length]).toEqual([sent, warned])
  })

  it('is stripped of what it does not take, and says so', () => {
    const { body, warnings } = request(
      {
        seed: 1n,
        user: 'user-1',
        promptCacheKey: 'k',
        serviceTier: 'priority',
        webSearch: {},
        tools: [{ ...weather, strict: true }],
        parallelToolCalls: false,
        stop: ['END'],
      },
      'MiniMax-M2.7',
    )
    expect(Object.keys(body).sort()).toEqual(['messages', 'model', 'reasoning_split', 'tools'])
    expect(warnings.map(warning => warning.split(':')[0]).sort()).toEqual([
      'DROPPED parallel_tool_calls',
      'DROPPED prompt_cache_key',
      'DROPPED seed',
      'DROPPED service_tier',
      'DROPPED tools[0].strict',
      'DROPPED user',
      'DROPPED web_search',
    ])
  })

  it('has only auto as a choice of tools', () => {
    const choose = (value: ToolChoice_Mode) =>
      request({ tools: [weather], toolChoice: { choice: { case: 'mode', value } } })
    expect(choose(ToolChoice_Mode.REQUIRED).body['tool_choice']).toBe('auto')
    expect(choose(ToolChoice_Mode.REQUIRED).warnings).toEqual([
      'CHANGED tool_choice: auto, because minimax cannot be told required',
    ])
    expect(choose(ToolChoice_Mode.NONE).body).not.toHaveProperty('tools')
  })
})

describe('thinking of MiniMax', () => {
  const effort = (reasoningEffort: ReasoningEffort, model: string) => {
    const { body, warnings } = request({ reasoningEffort }, model)
    return [body['thinking'], body['reasoning_effort'], warnings.length]
  }

  it.each([
    [NONE, 'low', 1],
    [MINIMAL, 'low', 1],
    [LOW, 'low', 0],
    [MEDIUM, 'medium', 0],
    [HIGH, 'high', 0],
    [XHIGH, 'xhigh', 0],
    [MAX, 'max', 0],
  ])('has steps for M3.1-Flash, which cannot stop: effort %i is %s', (asked, sent, warnings) => {
    expect(effort(asked, 'MiniMax-M3.1-Flash')).toEqual([undefined, sent, warnings])
  })

  it('is adaptive or disabled for M3, and never enabled', () => {
    expect(effort(NONE, 'MiniMax-M3')).toEqual([{ type: 'disabled' }, undefined, 0])
    expect(effort(LOW, 'MiniMax-M3')).toEqual([{ type: 'adaptive' }, undefined, 1])
  })

  it('is never spoken of to M2, which thinks as it will', () => {
    for (const model of ['MiniMax-M2', 'MiniMax-M2.1', 'MiniMax-M2.5', 'MiniMax-M2.7-highspeed'])
      expect(effort(NONE, model)).toEqual([undefined, undefined, 1])
    expect(effort(NONE, 'M2-her')).toEqual([undefined, undefined, 0])
  })
})

describe('messages to MiniMax', () => {
  it('have one system message, at the beginning', () => {
    const leading = [said(Role.SYSTEM, text('One')), said(Role.SYSTEM, text('Two'))]
    const { body, warnings } = request({ messages: [...leading, user('Hi')] })
    expect(body['messages']).toEqual([
      { role: 'system', content: 'One\n\nTwo' },
      { role: 'user', content: 'Hi' },
    ])
    expect(warnings).toEqual([])
    const late = request({ messages: [user('Hi'), said(Role.SYSTEM, text('Late')), user('Yo')] })
    expect(late.body['messages']).toEqual([
      { role: 'system', content: 'Late' },
      { role: 'user', content: 'Hi' },
      { role: 'user', content: 'Yo' },
    ])
    expect(late.warnings).toEqual([
      'CHANGED messages[1]: moved to the beginning, the only place of a system message here',
    ])
  })

  const turn = (...parts: Parameters<typeof said>[1][]) => {
    const messages = [user('Hi'), said(Role.ASSISTANT, ...parts, call('call_1')), result('call_1', '18')]
    const [, echoed] = request({ messages }).body['messages'] as Record<string, unknown>[]
    return echoed
  }

  it('hold the details of its reasoning exactly as they came', () => {
    const details = [
      { type: 'reasoning.text', id: 'r1', format: 'MiniMax-response-v1', index: 0, text: 'Hm. 東京' },
    ]
    const sealed = thought('Hm.', 'minimax', Buffer.from(JSON.stringify(details)))
    expect(turn(sealed)).toEqual({
      role: 'assistant',
      reasoning_details: details,
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
    })
  })

  it('hold its thoughts between tags where the details are lost, or in the field of M3.1', () => {
    for (const lost of [thought('Hm.', 'minimax'), thought('Hm.', 'minimax', Buffer.from('no JSON'))]) {
      expect(turn(lost)).toHaveProperty('content', '<think>\nHm.\n</think>\n\n')
      const messages = [user('Hi'), said(Role.ASSISTANT, lost, text('So.')), user('And?')]
      const [, flash] = request({ messages }, 'MiniMax-M3.1-Flash').body['messages'] as unknown[]
      expect(flash).toEqual({ role: 'assistant', content: 'So.', reasoning_content: 'Hm.' })
    }
  })

  it('hold the thoughts of nobody else', () => {
    const foreign = turn(thought('Hm.', 'kimi', Buffer.from('[{"type":"reasoning.text","text":"Hm."}]')))
    expect(Object.keys(foreign ?? {}).sort()).toEqual(['role', 'tool_calls'])
  })

  it('hold arguments as JSON, even if the model wrote none', () => {
    const messages = [user('Hi'), said(Role.ASSISTANT, call('call_1', '{"city":"Z')), result('call_1', '18')]
    const { body, warnings } = request({ messages })
    expect(body['messages']).toMatchObject([
      {},
      { tool_calls: [{ function: { arguments: '{"invalid_arguments":"{\\"city\\":\\"Z"}' } }] },
      {},
    ])
    expect(warnings).toEqual([
      'CHANGED messages[1].content[0].tool_call.arguments: put into a JSON object, because they are no JSON',
    ])
  })

  it('have images and videos without a detail of auto', () => {
    const parts = [
      mediaUrl('image/png', 'https://example.com/a.png', 'auto'),
      mediaData('image/png', 'abc', 'high'),
      mediaUrl('video/mp4', 'https://example.com/v.mp4'),
    ]
    const { body, warnings } = request({ messages: [said(Role.USER, ...parts)] })
    expect(body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,YWJj', detail: 'high' } },
          { type: 'video_url', video_url: { url: 'https://example.com/v.mp4' } },
        ],
      },
    ])
    expect(warnings).toEqual([])
    const blind = thrown(() => request({ messages: [said(Role.USER, ...parts)] }, 'MiniMax-M2.7'))
    expect(blind.message).toBe('messages[0].content[0]: MiniMax-M2.7 reads no image/png')
  })
})
