// Functions that a model may call: how they are offered, which must be called, and what comes of a loop of calls.
import { expect } from 'vitest'
import { FinishReason, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../src/core/delta.ts'
import { listOf, objectOf } from '../../support/upstream/shape.ts'
import { textOf, user } from '../../unit/providers/attempt.ts'
import {
  call,
  callsOf,
  type MessageInit,
  result,
  said,
  thoughtsOf,
  weather,
} from '../../unit/providers/known.ts'
import { type Capability, question } from '../capability.ts'
import type { RequestInit, Rig, Said } from '../provider-rig.ts'

const time = { name: 'get_time', parameters: { type: 'object', properties: { zone: { type: 'string' } } } }
// The double and the sandbox both call a tool when they are asked like this.
const please = 'Please call the tool get_weather'
const tools = [weather]
const asked: RequestInit = { messages: [user(please)], tools }
const mode = (value: ToolChoice_Mode) => ({ choice: { case: 'mode', value } as const })

/** The assistant's turn that an answer is, as a caller keeps it. */
export function turnOf(deltas: readonly Delta[], provider: string): MessageInit {
  const opaque = deltas.flatMap(delta =>
    delta.type === 'reasoning_opaque' ? [Buffer.from(delta.opaque)] : [],
  )
  const thought = thoughtsOf(deltas)
  const thinking = { text: thought, provider, ...(opaque[0] === undefined ? {} : { opaque: opaque[0] }) }
  const calls = deltas.flatMap(delta => (delta.type === 'tool_call_start' ? [delta] : []))
  const args = callsOf(deltas)
  return said(
    Role.ASSISTANT,
    ...(thought === '' && opaque.length === 0
      ? []
      : [{ kind: { case: 'reasoning', value: thinking } } as const]),
    ...calls.map(({ callId, name }, index) => call(callId, args[index]?.[1], name)),
  )
}

const idsOf = (deltas: readonly Delta[]): readonly string[] =>
  deltas.flatMap(delta => (delta.type === 'tool_call_start' ? [delta.callId] : []))

function calledOnce({ deltas }: Said): void {
  expect(callsOf(deltas)).toMatchObject([['get_weather', expect.stringMatching(/^\{"city":".*"\}$/)]])
  expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
}

function calledIfTold(answer: Said): void {
  // Where it was told `auto` instead, the model calls because the question asks it to.
  calledOnce(answer)
}

async function loop(rig: Rig, stream: boolean): Promise<Said> {
  const messages: MessageInit[] = [user(please)]
  const { thinking } = rig.spec.upstream ?? {}
  const scripts = thinking === undefined ? [] : [thinking]
  for (const degrees of ['18 degrees', '19 degrees']) {
    const { deltas, error } = await rig.ask({ messages, tools }, { stream, scripts })
    expect(error).toBeUndefined()
    const [callId = ''] = idsOf(deltas)
    expect(callId).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    messages.push(turnOf(deltas, rig.spec.id), result(callId, degrees))
    if (degrees === '18 degrees') messages.push(user(`${please} again`))
  }
  return rig.ask({ messages, tools }, { stream })
}

/** The rows. */
export const toolRows = {
  tools: question({
    title: 'Tools',
    test: 'calls a tool with whole arguments and says so at the end',
    request: asked,
    check: calledOnce,
  }),
  'tool-calls': question({
    title: 'Several calls in one turn',
    test: 'calls several tools in one turn, each under an id of its own',
    request: { messages: [user('Please call the tools')], tools: [weather, time] },
    check({ deltas }) {
      expect(callsOf(deltas).map(([name]) => name)).toEqual(['get_weather', 'get_time'])
      expect(new Set(idsOf(deltas)).size).toBe(2)
    },
  }),
  'tool-loop': {
    title: 'Tool loop with thoughts',
    test: 'gives back what was thought before each call of a loop of tools',
    async run(rig) {
      for (const stream of [false, true]) {
        const { deltas, bodies, error, warnings } = await loop(rig, stream)
        expect(error).toBeUndefined()
        expect(warnings).toEqual([])
        expect(textOf(deltas)).toContain('19 degrees')
        if (rig.spec.upstream === undefined) continue
        expect(bodies[0]).toMatchObject(rig.spec.upstream.replayed)
        expect(rig.upstream().requests.at(-1)?.reasoningMissing).not.toBe(true)
      }
      return 'native'
    },
  },
  'tool-none': question({
    title: 'No tool may be called',
    test: 'calls no tool when none may be called',
    request: { ...asked, toolChoice: mode(ToolChoice_Mode.NONE) },
    isNative: body => body['tool_choice'] === 'none',
    check: ({ deltas }) => expect(callsOf(deltas)).toEqual([]),
  }),
  'tool-required': question({
    title: 'Some tool must be called',
    test: 'says that some tool must be called',
    request: { ...asked, toolChoice: mode(ToolChoice_Mode.REQUIRED) },
    check: calledIfTold,
  }),
  'tool-named': question({
    title: 'One tool must be called',
    test: 'says which tool must be called',
    request: {
      ...asked,
      tools: [weather, time],
      toolChoice: { choice: { case: 'toolName', value: 'get_weather' } },
    },
    check: calledIfTold,
  }),
  'parallel-off': question({
    title: 'One call at a time',
    test: 'says that calls come one at a time',
    request: { ...asked, parallelToolCalls: false },
    check: calledOnce,
  }),
  'strict-tool': question({
    title: 'Strict arguments',
    test: 'says that arguments must follow their schema',
    request: {
      ...asked,
      tools: [
        { ...weather, strict: true, parameters: { ...weather.parameters, additionalProperties: false } },
      ],
    },
    check({ deltas, bodies }) {
      expect(callsOf(deltas)).toHaveLength(1)
      for (const body of bodies) expect(listOf(body['tools']).map(objectOf)).toHaveLength(1)
    },
  }),
} as const satisfies Readonly<Record<string, Capability>>
