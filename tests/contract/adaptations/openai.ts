// What models of OpenAI get, where it depends on the model.
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { user } from '../../unit/providers/attempt.ts'
import { weather } from '../../unit/providers/known.ts'
import type { Adaptation } from './adaptation.ts'

const hi = { messages: [user('Hi')] }
const tools = { ...hi, tools: [weather] }

/** The cases. */
export const openAiCases: readonly Adaptation[] = [
  {
    title: 'OpenAI: tools of gpt-5.6 and later go to Responses even when no effort is asked for',
    model: 'gpt-5.6-sol',
    ask: tools,
    path: '/v1/responses',
    body: { tools: [{ type: 'function', name: 'get_weather' }] },
    warnings: [],
  },
  {
    title: 'OpenAI: tools of gpt-5.4 go to Responses when an effort is asked for',
    model: 'gpt-5.4',
    ask: { ...tools, reasoningEffort: ReasoningEffort.HIGH },
    path: '/v1/responses',
    body: { reasoning: { effort: 'high' } },
    warnings: [],
  },
  {
    title: 'OpenAI: tools of gpt-5.4 stay on chat completions when none is asked for',
    model: 'gpt-5.4',
    ask: tools,
    path: '/v1/chat/completions',
    without: ['reasoning_effort'],
    warnings: [],
  },
  {
    title: 'OpenAI: tools of a model that cannot stop thinking go to Responses whatever effort is asked for',
    model: 'gpt-6.1-sol',
    ask: { ...tools, reasoningEffort: ReasoningEffort.NONE },
    path: '/v1/responses',
    body: { reasoning: { effort: 'low' } },
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'OpenAI: tools of gpt-6-astra go to Responses, the only endpoint that takes them',
    model: 'gpt-6-astra',
    ask: tools,
    path: '/v1/responses',
    warnings: [],
  },
  {
    title: 'OpenAI: an effort that the model does not have becomes the nearest',
    model: 'gpt-5.4',
    ask: { ...hi, reasoningEffort: ReasoningEffort.MAX },
    body: { reasoning_effort: 'xhigh' },
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'OpenAI: minimal is not sent to the 5.6 family, which does not have it',
    model: 'gpt-5.6-sol',
    ask: { ...hi, reasoningEffort: ReasoningEffort.MINIMAL },
    body: { reasoning_effort: 'low' },
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'OpenAI: temperature and top_p are dropped while the model thinks',
    model: 'gpt-5.4',
    ask: { ...hi, temperature: 0.3, topP: 0.5, reasoningEffort: ReasoningEffort.LOW },
    without: ['temperature', 'top_p'],
    warnings: ['DROPPED temperature', 'DROPPED top_p'],
  },
  {
    title: 'OpenAI: temperature and top_p are sent with the effort none',
    model: 'gpt-6-sol',
    ask: { ...hi, temperature: 0.3, topP: 0.5, reasoningEffort: ReasoningEffort.NONE },
    body: { temperature: 0.3, top_p: 0.5, reasoning_effort: 'none' },
    warnings: [],
  },
  {
    title: 'OpenAI: a model that never thinks gets four stop strings at most',
    model: 'gpt-4.1',
    ask: { ...hi, stop: ['a1', 'b2', 'c3', 'd4', 'e5'] },
    body: { stop: ['a1', 'b2', 'c3', 'd4'] },
    warnings: ['CLAMPED stop'],
  },
  {
    title: 'OpenAI: logprobs are the own field of the caller, for models that do not think',
    model: 'gpt-5.4',
    ask: { ...hi, providerOptions: { openai: { logprobs: true, top_logprobs: 2 } } },
    body: { logprobs: true, top_logprobs: 2 },
    warnings: [],
  },
  {
    title: 'OpenAI: penalties and logit_bias are own fields of the caller',
    model: 'gpt-4.1',
    ask: { ...hi, providerOptions: { openai: { presence_penalty: 0.5, frequency_penalty: 0.5 } } },
    body: { presence_penalty: 0.5, frequency_penalty: 0.5 },
    warnings: [],
  },
  {
    title: 'OpenAI: a stream is asked for its counts',
    model: 'gpt-5.4',
    ask: hi,
    stream: true,
    body: { stream_options: { include_usage: true } },
    warnings: [],
  },
  {
    title: 'OpenAI: an id of more than 64 characters is hashed',
    model: 'gpt-5.4',
    ask: { ...hi, user: 'u'.repeat(65) },
    // printf 'u%.0s' {1..65} | sha256sum
    body: { safety_identifier: 'f20e249d15fa4b9f44ba21d154f62e1efa76ddfdce5d25139a33a4787cee5a8b' },
    warnings: ['CHANGED user'],
  },
]
