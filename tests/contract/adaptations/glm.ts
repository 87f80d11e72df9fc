// What models of GLM get, where it depends on the model.
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { user } from '../../unit/providers/attempt.ts'
import { weather } from '../../unit/providers/known.ts'
import type { Adaptation } from './adaptation.ts'

const hi = { messages: [user('Hi')] }
const effort = (reasoningEffort: ReasoningEffort) => ({ ...hi, reasoningEffort })

/** The cases. */
export const glmCases: readonly Adaptation[] = [
  {
    title: 'GLM: glm-5.2 is told not to think',
    model: 'glm-5.2',
    ask: effort(ReasoningEffort.NONE),
    body: { thinking: { type: 'disabled' } },
    without: ['reasoning_effort'],
    warnings: [],
  },
  {
    title: 'GLM: glm-5.2 has every effort',
    model: 'glm-5.2',
    ask: effort(ReasoningEffort.MEDIUM),
    body: { reasoning_effort: 'medium' },
    warnings: [],
  },
  {
    title: 'GLM: glm-5.3 is never told not to think, and low when told none',
    model: 'glm-5.3',
    ask: effort(ReasoningEffort.NONE),
    body: { reasoning_effort: 'low' },
    without: ['thinking'],
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'GLM: glm-5.3 gets high for medium',
    model: 'glm-5.3',
    ask: effort(ReasoningEffort.MEDIUM),
    body: { reasoning_effort: 'high' },
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'GLM: glm-5.3 gets max for xhigh',
    model: 'glm-5.3',
    ask: effort(ReasoningEffort.XHIGH),
    body: { reasoning_effort: 'max' },
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'GLM: older models have thinking on instead of an effort',
    model: 'glm-4.7',
    ask: effort(ReasoningEffort.HIGH),
    body: { thinking: { type: 'enabled' } },
    without: ['reasoning_effort'],
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'GLM: an id of less than six characters is hashed',
    model: 'glm-5.3',
    ask: { ...hi, user: 'u1' },
    // printf u1 | sha256sum
    body: { user_id: 'bb82030dbc2bcaba32a90bf2e207a84a856fc5f033b77c480836ab6f77f40f19' },
    warnings: ['CHANGED user'],
  },
  {
    title: 'GLM: a stream is not asked for its counts, which come anyway',
    model: 'glm-5.3',
    ask: hi,
    stream: true,
    body: { stream: true },
    without: ['stream_options'],
    warnings: [],
  },
  {
    title: 'GLM: arguments are streamed in pieces by models that can',
    model: 'glm-5.3',
    ask: { ...hi, tools: [weather] },
    stream: true,
    body: { tool_stream: true },
    warnings: [],
  },
  {
    title: 'GLM: a small cap is sent as asked',
    model: 'glm-5.3',
    ask: { ...hi, maxOutputTokens: 50 },
    body: { max_tokens: 50 },
    warnings: [],
  },
]
