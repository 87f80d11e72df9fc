// Checks the cap of an answer where a model may write as much as its window holds, on both wires.
import { describe, expect, it } from 'vitest'
import { kimiDialect } from '../../../../src/providers/kimi.ts'
import { openAiDialect } from '../../../../src/providers/openai.ts'
import { buildRequest } from '../../../../src/providers/openai-dialect/request.ts'
import { buildRequest as buildResponses } from '../../../../src/providers/openai-responses/request.ts'
import { attempt, model, thrown, user } from '../attempt.ts'

const WINDOW = 10_000
const whole = { provider: 'kimi', id: 'kimi-k3', maxOutputTokens: WINDOW, contextWindow: WINDOW }

function cap(maxOutputTokens: number, text: string, over: object = {}) {
  const input = attempt({ maxOutputTokens, messages: [user(text)] }, { model: model({ ...whole, ...over }) })
  const body = buildRequest(input, kimiDialect, 'kimi')
  return { sent: body['max_completion_tokens'], warnings: input.warnings }
}

describe('a cap that reaches the window of its model', () => {
  it.each([WINDOW, WINDOW + 1, 2_000_000_000])('of %i tokens leaves room for the prompt', asked => {
    const text = 'x'.repeat(1000)
    const { sent, warnings } = cap(asked, text)
    expect(sent).toBeGreaterThan(WINDOW - 1200)
    expect(sent).toBeLessThanOrEqual(WINDOW - text.length)
    expect(warnings).toEqual([
      `CLAMPED max_output_tokens: ${sent}: prompt and answer of kimi-k3 share 10000 tokens`,
    ])
  })

  it('is left to the provider when the prompt may need most of the window', () => {
    expect(cap(WINDOW, 'x'.repeat(6000))).toEqual({
      sent: undefined,
      warnings: ['CLAMPED max_output_tokens: left to kimi: prompt and answer of kimi-k3 share 10000 tokens'],
    })
  })

  it('is measured by the window where that is smaller than what the model writes', () => {
    expect(cap(WINDOW, 'Hi', { maxOutputTokens: 20_000 }).sent).toBeLessThan(WINDOW)
  })

  it('is refused by a strict call', () => {
    const input = attempt({ maxOutputTokens: WINDOW, strict: true }, { model: model(whole) })
    expect(thrown(() => buildRequest(input, kimiDialect, 'kimi')).reason).toBe('UNSUPPORTED')
  })

  it('leaves room at the Responses endpoint, too', () => {
    const input = attempt({ maxOutputTokens: WINDOW }, { model: model(whole) })
    const sent = buildResponses(input, openAiDialect, 'openai')['max_output_tokens']
    expect(sent).toBeGreaterThan(WINDOW - 300)
    expect(sent).toBeLessThan(WINDOW)
  })
})

describe('a cap below the window', () => {
  it('is sent as it is, however long the prompt', () => {
    expect(cap(WINDOW - 1, 'x'.repeat(6000))).toEqual({ sent: WINDOW - 1, warnings: [] })
  })

  it('is brought down to what the model writes where that is less than the window', () => {
    expect(cap(WINDOW, 'Hi', { maxOutputTokens: 400 })).toEqual({
      sent: 400,
      warnings: ['CLAMPED max_output_tokens: 400, the most that kimi-k3 writes'],
    })
  })

  it('is sent as it is to a model of which no limit is known', () => {
    const unknown = { maxOutputTokens: undefined, contextWindow: undefined }
    expect(cap(5_000_000, 'Hi', unknown)).toEqual({ sent: 5_000_000, warnings: [] })
  })
})
