// Checks how much a model is told to think, how freely to speak, and what is said when it cannot be told.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { openAiDialect } from '../../../../src/providers/openai.ts'
import { buildRequest } from '../../../../src/providers/openai-dialect/request.ts'
import { attempt, model, type TestAttempt, thinker, thrown } from '../attempt.ts'

/** The body as it is on the wire. */
function sent(input: TestAttempt): Record<string, unknown> {
  return JSON.parse(JSON.stringify(buildRequest(input, openAiDialect, 'openai')))
}

const tools = [{ name: 'get_weather' }]

describe('reasoning effort', () => {
  const effort = (asked: ReasoningEffort, over = thinker()) => {
    const input = attempt({ reasoningEffort: asked }, { model: over })
    return [sent(input)['reasoning_effort'], ...input.warnings]
  }

  it('is sent when the model has the step', () => {
    expect(effort(ReasoningEffort.HIGH)).toEqual(['high'])
    expect(effort(ReasoningEffort.UNSPECIFIED)).toEqual([undefined])
  })

  it('becomes the nearest step, never none', () => {
    expect(effort(ReasoningEffort.MINIMAL)).toEqual([
      'low',
      'CHANGED reasoning_effort: low, the nearest to minimal that gpt-6-sol has',
    ])
    expect(effort(ReasoningEffort.MAX, thinker({ reasoningEfforts: ['none', 'low', 'medium'] }))[0]).toBe(
      'medium',
    )
    expect(effort(ReasoningEffort.NONE, thinker({ reasoningEfforts: ['low', 'max'] }))[0]).toBe('low')
    expect(effort(ReasoningEffort.MEDIUM, thinker({ reasoningEfforts: ['low', 'high'] }))[0]).toBe('low')
  })

  it('is left out for a model that never thinks', () => {
    expect(effort(ReasoningEffort.HIGH, model())).toEqual([
      undefined,
      'DROPPED reasoning_effort: gpt-4.1 does not think',
    ])
    expect(effort(ReasoningEffort.NONE, model())).toEqual([undefined])
  })

  it('is sent as asked to a model that nobody described', () => {
    const unknown = model({ id: 'mystery', reasoning: 'optional', confidence: 'assumed' })
    expect(effort(ReasoningEffort.XHIGH, unknown)).toEqual(['xhigh'])
  })
})

describe('tools of models that take them only without thinking', () => {
  it('switch the thinking off when the caller asked for none of it', () => {
    const input = attempt({ tools }, { model: thinker() })
    expect(sent(input)['reasoning_effort']).toBe('none')
    expect(input.warnings).toEqual([
      'CHANGED reasoning_effort: none, because gpt-6-sol takes tools only without thinking at this endpoint',
    ])
  })

  it('are refused when the caller asked for it, or the model cannot stop', () => {
    const asked = attempt({ tools, reasoningEffort: ReasoningEffort.LOW }, { model: thinker() })
    expect(thrown(() => sent(asked))).toMatchObject({
      reason: 'UNSUPPORTED',
      details: { model: 'gpt-6-sol' },
    })
    const always = thinker({ id: 'gpt-6-astra', reasoning: 'always', reasoningEfforts: ['low', 'max'] })
    expect(thrown(() => sent(attempt({ tools }, { model: always }))).message).toContain('gpt-6-astra')
  })

  it('need nothing where the default is no thinking, or only a sent effort is refused', () => {
    for (const over of [
      thinker({ id: 'gpt-5.4', defaultReasoningEffort: 'none' }),
      thinker({ id: 'gpt-5.5', defaultReasoningEffort: undefined }),
      thinker({ id: 'gpt-5.2', defaultReasoningEffort: 'none' }),
    ]) {
      const input = attempt({ tools }, { model: over })
      expect(sent(input)).not.toHaveProperty('reasoning_effort')
      expect(input.warnings).toEqual([])
    }
    const older = attempt(
      { tools, reasoningEffort: ReasoningEffort.LOW },
      { model: thinker({ id: 'gpt-5.2' }) },
    )
    expect(sent(older)['reasoning_effort']).toBe('low')
  })
})

describe('sampling', () => {
  const fields = { temperature: 0.5, topP: 0.5, stop: ['a'] }

  it('is left out, and said, for models that think', () => {
    const input = attempt(fields, { model: thinker() })
    expect(Object.keys(sent(input))).toEqual(['model', 'messages'])
    expect(input.warnings).toEqual([
      'DROPPED temperature: gpt-6-sol takes it only with reasoning_effort NONE',
      'DROPPED top_p: gpt-6-sol takes it only with reasoning_effort NONE',
      'DROPPED stop: gpt-6-sol takes no stop strings',
    ])
  })

  it('is sent when they do not think', () => {
    const input = attempt(
      { ...fields, reasoningEffort: ReasoningEffort.NONE, stop: [] },
      { model: thinker() },
    )
    expect(sent(input)).toMatchObject({ temperature: 0.5, top_p: 0.5, reasoning_effort: 'none' })
    const byDefault = attempt({ temperature: 0.5 }, { model: thinker({ defaultReasoningEffort: 'none' }) })
    expect(sent(byDefault)).toMatchObject({ temperature: 0.5 })
  })

  it('of 1 is the default, and leaving it out is no change', () => {
    const input = attempt(
      { temperature: 1, topP: 1, strict: true },
      { model: model({ temperature: { kind: 'omit' } }) },
    )
    expect(Object.keys(sent(input))).toEqual(['model', 'messages'])
  })

  it('is clamped to the range of the model', () => {
    const low = model({ temperature: { kind: 'range', min: 0, max: 1, minExcluded: true } })
    const hot = attempt({ temperature: 1.7 }, { model: low })
    expect(sent(hot)['temperature']).toBe(1)
    expect(hot.warnings).toEqual(['CLAMPED temperature: 1: gpt-4.1 takes 0.01 to 1'])
    expect(sent(attempt({ temperature: 0 }, { model: low }))['temperature']).toBe(0.01)
  })

  it('has as many stop strings as the host takes', () => {
    const input = attempt({ stop: ['a', 'b', 'c', 'd', 'e'] })
    expect(sent(input)['stop']).toEqual(['a', 'b', 'c', 'd'])
    expect(input.warnings).toEqual(['CLAMPED stop: only the first 4 of 5 are sent'])
  })
})
