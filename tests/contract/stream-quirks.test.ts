// The oddities of streams that break gateways: how they end, how calls of tools come, what stands between events.
import { afterEach, describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { createRig, type Rig } from '../suites/provider-rig.ts'
import type { ProviderSpec } from '../suites/provider-spec.ts'
import { textOf, user } from '../unit/providers/attempt.ts'
import { callsOf, weather } from '../unit/providers/known.ts'
import { compatible } from './specs/compatible.ts'
import { glm } from './specs/glm.ts'
import { kimi } from './specs/kimi.ts'
import { miniMax } from './specs/minimax.ts'
import { openAi, openAiResponses } from './specs/openai.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function start(spec: ProviderSpec): Promise<Rig> {
  const double = await spec.upstream?.start()
  const rig = createRig(spec, spec.make(double?.url ?? ''), double)
  cleanups.push(
    async () => double?.close(),
    () => rig.provider.close(),
  )
  return rig
}

const hi = { messages: [user('one two three four')] }
const scripted = (...faults: readonly string[]) => ({ scripts: [{ faults }] })
const both = [false, true]

describe.each([openAi, glm, kimi, miniMax, compatible])('a stream of $name', spec => {
  it('that ends without a finish is broken, unless whole calls of tools came', async () => {
    const rig = await start(spec)
    const { error } = await rig.ask(hi, { stream: true, ...scripted('no-finish') })
    expect(error?.reason).toBe('UPSTREAM_BROKEN')
    const called = await rig.ask(
      { messages: [user('call the tool')], tools: [weather] },
      { stream: true, ...scripted('no-finish', 'tool-call-whole') },
    )
    expect(called.error).toBeUndefined()
    expect(called.deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
  })

  it.each([
    'tool-call-whole',
    'tool-call-no-index',
    'tool-call-no-id',
    'tool-call-object-arguments',
    'tool-calls-interleaved',
  ])('has whole calls of tools, however they come: %s', async fault => {
    const rig = await start(spec)
    for (const stream of both) {
      const { deltas } = await rig.ask(hi, { stream, ...scripted(fault) })
      const [first] = callsOf(deltas)
      expect([first?.[0], JSON.parse(first?.[1] ?? '')]).toEqual(['first_tool', { city: 'Zürich', days: 3 }])
    }
  })
})

describe.each([openAi, openAiResponses, glm, kimi, miniMax, compatible])('the events of $name', spec => {
  it.each(['comments', 'crlf', 'data-without-space', 'bom', 'keep-alive-chunks'])(
    'are read by the rules of event streams: %s',
    async fault => {
      const rig = await start(spec)
      const { deltas, error } = await rig.ask(hi, { stream: true, ...scripted(fault) })
      expect(error).toBeUndefined()
      expect(textOf(deltas)).toBe('You said: one two three four')
    },
  )
})
