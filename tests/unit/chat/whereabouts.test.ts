// What is remembered of a call for the next one of its conversation.

import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { UsageSchema } from '#gen/exai/v1/usage_pb'
import { remember } from '../../../src/chat/whereabouts.ts'
import type { Affinity, Answered } from '../../../src/routing/affinity.ts'
import type { Attempt } from '../../../src/routing/attempt.ts'
import { toldAttempt } from '../../support/attempt-rig.ts'
import { ask } from '../../support/request.ts'
import { createTestCall } from '../../support/test-call.ts'

const reporting = (inputTokens: number): Attempt =>
  toldAttempt({
    counts: () => ({
      inputTokens,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 1,
      reasoningTokens: 0,
    }),
  })
const silent = toldAttempt()
const refused = toldAttempt({ mayBeBilled: () => false })

/** What is remembered of a call that used 3000 tokens of input altogether. */
function remembered(answering: Attempt, others: readonly Attempt[], model = 'auto'): readonly Answered[] {
  const kept: Answered[] = []
  const affinity: Affinity = { of: () => undefined, remember: answered => void kept.push(answered) }
  const request = ask('hi', { model })
  const walk = { attempts: [...others, answering] }
  const usage = create(UsageSchema, { inputTokens: 3_000 })
  remember(
    { call: createTestCall('acme').call, request, messages: request.messages, answering, walk },
    { usage },
    affinity,
  )
  return kept
}

describe('the memory of a conversation', () => {
  it('is who answered, and what they read themselves', () => {
    expect(remembered(reporting(1_200), [reporting(1_800)])).toMatchObject([
      { tenant: 'acme', provider: 'one', model: 'one-model', inputTokens: 1_200 },
    ])
  })

  it('is what was counted here when the one who answered reports nothing', () => {
    expect(remembered(silent, [refused])).toMatchObject([{ inputTokens: 3_000 }])
  })

  it('knows of no warm cache when what was counted here is of several', () => {
    expect(remembered(silent, [toldAttempt()])).toMatchObject([{ inputTokens: 0 }])
  })

  it('is left alone by a call that names its model', () => {
    expect(remembered(reporting(1_200), [], 'one-model')).toEqual([])
  })
})
