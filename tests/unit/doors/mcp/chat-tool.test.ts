// The tool that asks a model: what it makes of its arguments, what it tells on the way, and what it answers.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import type { CompleteRequestSchema, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { chatTool } from '../../../../src/doors/mcp/chat-tools.ts'
import { contextOf } from './rig.ts'

type Event = MessageInitShape<typeof StreamEventSchema>
type Asked = MessageInitShape<typeof CompleteRequestSchema>

const started: Event = {
  sequence: 1,
  event: { case: 'started', value: { responseId: 'resp_1', provider: 'glm', model: 'glm-4.6' } },
}
const said = (text: string): Event => ({ event: { case: 'textDelta', value: { text } } })
const thought = (text: string): Event => ({ event: { case: 'reasoningDelta', value: { text } } })
const beat: Event = { event: { case: 'heartbeat', value: {} } }
const completed: Event = {
  event: {
    case: 'completed',
    value: {
      response: {
        id: 'resp_1',
        provider: 'glm',
        model: 'glm-4.6',
        message: {
          role: Role.ASSISTANT,
          content: [
            { kind: { case: 'text', value: '' } },
            { kind: { case: 'citation', value: { url: 'https://example.org/', title: 'Example' } } },
          ],
        },
        finishReason: FinishReason.LENGTH,
        usage: { inputTokens: 12, outputTokens: 34, reasoningTokens: 5, provenance: Provenance.PARTIAL },
        cost: { known: true, nanoUsd: 1_234_500n, priceVersion: 'v7' },
        conversationId: 'conv_1',
        warnings: [{ message: 'temperature was left out' }],
      },
    },
  },
}

async function* playing(events: readonly Event[], error?: unknown): AsyncGenerator<Event> {
  yield* events
  if (error !== undefined) throw error
}

/** Calls the tool while these events play. */
async function call(args: object, events: readonly Event[], error?: unknown) {
  const asked: Asked[] = []
  const heard = contextOf({
    streamComplete(request) {
      asked.push(request)
      return playing(events, error)
    },
  })
  const result = await chatTool.call(args, heard.context)
  return { ...heard, asked: asked[0], result }
}

describe('chat', () => {
  it('makes a request of its arguments, with auto where no model is named', async () => {
    const { asked } = await call({ prompt: 'Hello!' }, [started, said('Hi'), completed])
    expect(asked).toEqual({
      model: 'auto',
      messages: [{ role: Role.USER, content: [{ kind: { case: 'text', value: 'Hello!' } }] }],
      conversationId: '',
      idempotencyKey: '',
    })
  })

  it('sends everything on that it takes', async () => {
    const args = {
      prompt: 'Look',
      system: 'Be short',
      model: 'kimi/k2',
      file_ids: ['file_1'],
      conversation_id: 'new',
      temperature: 0,
      max_output_tokens: 9,
      reasoning_effort: 'xhigh',
      web_search: true,
      fallback_models: ['glm/glm-4.6'],
      idempotency_key: 'once',
    }
    const { asked } = await call(args, [started, said('Hi'), completed])
    expect(asked).toEqual({
      model: 'kimi/k2',
      messages: [
        { role: Role.SYSTEM, content: [{ kind: { case: 'text', value: 'Be short' } }] },
        {
          role: Role.USER,
          content: [
            { kind: { case: 'text', value: 'Look' } },
            { kind: { case: 'media', value: { source: { case: 'fileId', value: 'file_1' } } } },
          ],
        },
      ],
      conversationId: 'new',
      idempotencyKey: 'once',
      temperature: 0,
      maxOutputTokens: 9,
      reasoningEffort: ReasoningEffort.XHIGH,
      webSearch: {},
      routing: { fallbackModels: ['glm/glm-4.6'] },
    })
  })

  it('answers with the text, and with what a model needs to go on', async () => {
    const { result } = await call({ prompt: 'x' }, [started, said('Hel'), said('lo'), completed])
    expect(result.isError).toBeUndefined()
    expect(result.content).toEqual([
      { type: 'text', text: 'Hello' },
      {
        type: 'text',
        text: 'model: glm/glm-4.6\ntokens: 12 in, 34 out\ncost: $0.0012345\nconversation_id: conv_1\nwarning: temperature was left out',
      },
    ])
    expect(result.structuredContent).toEqual({
      response_id: 'resp_1',
      model: 'glm-4.6',
      provider: 'glm',
      text: 'Hello',
      finish_reason: 'LENGTH',
      conversation_id: 'conv_1',
      citations: [{ url: 'https://example.org/', title: 'Example' }],
      warnings: ['temperature was left out'],
      usage: {
        input_tokens: 12,
        cached_input_tokens: 0,
        output_tokens: 34,
        reasoning_tokens: 5,
        provenance: 'PARTIAL',
      },
      cost: { known: true, nano_usd: '1234500', price_version: 'v7' },
      replayed: false,
    })
  })

  it('tells the progress in characters, and that it is alive while nothing is said', async () => {
    const { progress } = await call({ prompt: 'x' }, [
      beat,
      started,
      beat,
      said('a'.repeat(30)),
      said('b'.repeat(30)),
      beat,
      said('c'),
      completed,
    ])
    expect(progress).toEqual([
      { count: 0.001, message: 'waiting for the model' },
      { count: 0, message: 'glm/glm-4.6 answers' },
      { count: 0.002, message: 'waiting for the model' },
      { count: 60.002, message: '60 characters' },
      { count: 60.003, message: 'waiting for the model' },
    ])
  })

  it('counts what the model thinks before it speaks', async () => {
    const { progress } = await call({ prompt: 'x' }, [started, thought('t'.repeat(50))], new Error('over'))
    expect(progress.at(-1)).toEqual({ count: 50, message: '50 characters of reasoning' })
  })

  it('fails with what was said before the answer broke', async () => {
    const error = new GatewayError('UPSTREAM_BROKEN', 'the answer of glm broke', {
      provider: 'glm',
      model: 'glm-4.6',
      retryDelayMs: 1.5,
    })
    const { result } = await call({ prompt: 'x' }, [started, said('Half')], error)
    expect(result).toEqual({
      isError: true,
      content: [
        { type: 'text', text: 'UPSTREAM_BROKEN: the answer of glm broke' },
        { type: 'text', text: 'Half' },
      ],
      structuredContent: {
        error: {
          reason: 'UPSTREAM_BROKEN',
          code: 'ABORTED',
          message: 'the answer of glm broke',
          origin: 'upstream',
          provider: 'glm',
          model: 'glm-4.6',
          retry_delay_ms: 2,
        },
        partial_text: 'Half',
      },
    })
  })

  it('never tells what a stranger threw', async () => {
    const { result } = await call({ prompt: 'x' }, [started], new Error('password is hunter2'))
    expect(JSON.stringify(result)).not.toContain('hunter2')
    expect(result.structuredContent).toMatchObject({
      error: { reason: 'INTERNAL', message: 'internal error' },
    })
  })

  it('takes no stream without its ending for an answer', async () => {
    const { result } = await call({ prompt: 'x' }, [started, said('Hello')])
    expect(result.isError).toBe(true)
    expect(result.structuredContent).toMatchObject({ error: { reason: 'INTERNAL' } })
  })

  it('refuses arguments that do not fit before anybody is asked, and says so to whoever counts', async () => {
    const { result, refused, asked } = await call({ prompt: '', verbose: true }, [])
    expect(asked).toBeUndefined()
    expect(result.isError).toBe(true)
    expect(refused.map(({ reason }) => reason)).toEqual(['INVALID_REQUEST'])
    expect(refused[0]?.message).toMatch(/^the arguments of chat do not fit its schema: .*prompt.*verbose/)
  })
})
