// What models of Kimi get, where it depends on the model.
import { ReasoningEffort, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { user } from '../../unit/providers/attempt.ts'
import { weather } from '../../unit/providers/known.ts'
import type { Adaptation } from './adaptation.ts'

const hi = { messages: [user('Hi')] }
const effort = (reasoningEffort: ReasoningEffort) => ({ ...hi, reasoningEffort })
const tools = { ...hi, tools: [weather] }
const required = {
  ...tools,
  toolChoice: { choice: { case: 'mode', value: ToolChoice_Mode.REQUIRED } as const },
}
const named = { ...tools, toolChoice: { choice: { case: 'toolName', value: 'get_weather' } as const } }

/** The cases. */
export const kimiCases: readonly Adaptation[] = [
  {
    title: 'Kimi: k2.6 does not think while it must call some tool',
    model: 'kimi-k2.6',
    ask: required,
    body: { tool_choice: 'required', thinking: { type: 'disabled' } },
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'Kimi: k2.5 does not think while it must call one tool',
    model: 'kimi-k2.5',
    ask: named,
    body: {
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      thinking: { type: 'disabled' },
    },
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'Kimi: k2.7, which always thinks, calls tools as it will',
    model: 'kimi-k2.7-code',
    ask: required,
    body: { tool_choice: 'auto' },
    without: ['thinking'],
    warnings: ['CHANGED tool_choice'],
  },
  {
    title: 'Kimi: k2.6 is told not to think',
    model: 'kimi-k2.6',
    ask: effort(ReasoningEffort.NONE),
    body: { thinking: { type: 'disabled' } },
    without: ['reasoning_effort'],
    warnings: [],
  },
  {
    title: 'Kimi: k2.6 has thinking on instead of an effort',
    model: 'kimi-k2.6',
    ask: effort(ReasoningEffort.LOW),
    body: { thinking: { type: 'enabled' } },
    without: ['reasoning_effort'],
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'Kimi: k2.7 is told nothing about thinking, because it refuses to be',
    model: 'kimi-k2.7-code',
    ask: effort(ReasoningEffort.NONE),
    without: ['thinking', 'reasoning_effort'],
    warnings: ['DROPPED reasoning_effort'],
  },
  {
    title: 'Kimi: k3 gets an effort and no thinking beside it',
    model: 'kimi-k3',
    ask: effort(ReasoningEffort.MEDIUM),
    body: { reasoning_effort: 'high' },
    without: ['thinking'],
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'Kimi: a stop string of more than 32 bytes is left out',
    model: 'kimi-k3',
    ask: { ...hi, stop: ['x'.repeat(33), 'short'] },
    body: { stop: ['short'] },
    warnings: ['DROPPED stop[0]'],
  },
  {
    title: 'Kimi: logprobs are the own field of the caller',
    model: 'kimi-k3',
    ask: { ...hi, providerOptions: { kimi: { logprobs: true, top_logprobs: 2 } } },
    body: { logprobs: true, top_logprobs: 2 },
    warnings: [],
  },
  {
    title: 'Kimi: a stream is asked for its counts',
    model: 'kimi-k3',
    ask: hi,
    stream: true,
    body: { stream_options: { include_usage: true } },
    warnings: [],
  },
  {
    title: 'Kimi: a tool whose name is too short has another one there',
    model: 'kimi-k3',
    ask: { ...hi, tools: [{ ...weather, name: 'ls' }] },
    body: { tools: [{ function: { name: 'fn_ls' } }] },
    warnings: [],
  },
  {
    title: 'Kimi: a schema is sent in the flavour that Kimi takes',
    model: 'kimi-k3',
    ask: {
      ...hi,
      tools: [
        {
          name: 'get_weather',
          parameters: {
            type: 'object',
            properties: { at: { $ref: '#/$defs/place' } },
            $defs: { place: { type: 'object', properties: { city: { type: 'string' } } } },
          },
        },
      ],
    },
    body: {
      tools: [
        {
          function: {
            parameters: {
              properties: { at: { type: 'object', properties: { city: { type: 'string' } } } },
            },
          },
        },
      ],
    },
    warnings: [],
  },
]
