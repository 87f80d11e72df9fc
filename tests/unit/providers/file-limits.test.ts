// Bytes that are more than a provider takes within a request: refused before it is asked, so that somebody else may be.
import { create } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { MessageSchema, Role, ToolResultSchema } from '#gen/exai/v1/chat_pb'
import type { Deltas } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { AttemptInput, Provider } from '../../../src/core/provider.ts'
import { withFileLimits } from '../../../src/providers/file-limits.ts'
import { ask } from '../../support/request.ts'
import { model } from './attempt.ts'

/** A provider whose state changes and that counts how often it is asked. */
function counting() {
  const state = { asked: 0, reason: '' }
  const provider: Provider = {
    id: 'kimi',
    get unusableReason() {
      return state.reason
    },
    models: [],
    async *open(): Deltas {
      state.asked += 1
      yield [{ type: 'text', text: 'hi' }]
    },
    close: async () => {},
  }
  return { state, provider }
}

function input(sizeBytes: number, { mimeType = 'image/png', within = false } = {}): AttemptInput {
  const source = { case: 'data', value: new Uint8Array(sizeBytes) } as const
  const media = { kind: { case: 'media', value: { mimeType, source } } } as const
  const result = create(ToolResultSchema, { callId: 'c', content: [media] })
  const content = within ? [{ kind: { case: 'toolResult', value: result } } as const] : [media]
  const messages = [create(MessageSchema, { role: within ? Role.TOOL : Role.USER, content })]
  const request = ask('', { messages })
  return {
    model: model({ provider: 'kimi', id: 'kimi-k2.5' }),
    request,
    messages,
    stream: true,
    signal: new AbortController().signal,
    warn: () => {},
  }
}

describe('a limit of a kind of provider', () => {
  const settings = { id: 'kimi', keys: [] }
  function refusalOf(provider: Provider, asked: AttemptInput): GatewayError | undefined {
    try {
      provider.open(asked)
      return undefined
    } catch (error) {
      return GatewayError.from(error)
    }
  }

  test.each([false, true])('refuses one byte more, in a tool result: %s', within => {
    const { provider, state } = counting()
    const limited = withFileLimits('kimi', () => provider)(settings)
    expect(refusalOf(limited, input(1_500_000, { within }))).toBeUndefined()
    const refusal = refusalOf(limited, input(1_500_001, { within }))
    expect(refusal).toMatchObject({
      reason: 'UNSUPPORTED',
      message:
        'messages[0].content[0]: kimi takes image/png of at most 1500000 bytes within a request, and this has 1500001',
    })
    expect(state.asked).toBe(0)
  })

  test('is not made up where none is known', () => {
    const limited = withFileLimits('openai-compatible', () => counting().provider)(settings)
    expect(refusalOf(limited, input(9_000_000))).toBeUndefined()
    expect(refusalOf(limited, input(9_000_000, { mimeType: 'application/zip' }))).toBeUndefined()
  })

  test('leaves the changing state of the provider as it is', () => {
    const { provider, state } = counting()
    const limited = withFileLimits('kimi', () => provider)(settings)
    state.reason = 'its key is out'
    expect(limited.unusableReason).toBe('its key is out')
  })
})
