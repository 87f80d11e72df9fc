// What models of MiniMax get, where it depends on the model.
import { ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import { user } from '../../unit/providers/attempt.ts'
import { said, text } from '../../unit/providers/known.ts'
import type { Adaptation } from './adaptation.ts'

const hi = { messages: [user('Hi')] }
const effort = (reasoningEffort: ReasoningEffort) => ({ ...hi, reasoningEffort })

/** The cases. */
export const miniMaxCases: readonly Adaptation[] = [
  {
    title: 'MiniMax: M3 is told not to think',
    model: 'MiniMax-M3',
    ask: effort(ReasoningEffort.NONE),
    body: { thinking: { type: 'disabled' }, reasoning_split: true },
    without: ['reasoning_effort'],
    warnings: [],
  },
  {
    title: 'MiniMax: M3 thinks adaptively instead of at an effort',
    model: 'MiniMax-M3',
    ask: effort(ReasoningEffort.HIGH),
    body: { thinking: { type: 'adaptive' } },
    without: ['reasoning_effort'],
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'MiniMax: M2 models are told nothing about thinking',
    model: 'MiniMax-M2.7',
    ask: effort(ReasoningEffort.NONE),
    body: { reasoning_split: true },
    without: ['thinking', 'reasoning_effort'],
    warnings: ['DROPPED reasoning_effort'],
  },
  {
    title: 'MiniMax: M3.1-Flash keeps its effort',
    model: 'MiniMax-M3.1-Flash',
    ask: effort(ReasoningEffort.XHIGH),
    body: { reasoning_effort: 'xhigh' },
    without: ['thinking'],
    warnings: [],
  },
  {
    title: 'MiniMax: M3.1-Flash thinks a little when told not to',
    model: 'MiniMax-M3.1-Flash',
    ask: effort(ReasoningEffort.NONE),
    body: { reasoning_effort: 'low' },
    without: ['thinking'],
    warnings: ['CHANGED reasoning_effort'],
  },
  {
    title: 'MiniMax: a temperature of 0 becomes the least that it takes',
    model: 'MiniMax-M3',
    ask: { ...hi, temperature: 0 },
    body: { temperature: 0.01 },
    warnings: ['CLAMPED temperature'],
  },
  {
    title: 'MiniMax: several system messages at the beginning become one',
    model: 'MiniMax-M3',
    ask: {
      messages: [said(Role.SYSTEM, text('Be brief.')), said(Role.SYSTEM, text('Be kind.')), user('Hi')],
    },
    body: { messages: [{ role: 'system', content: 'Be brief.\n\nBe kind.' }, { role: 'user' }] },
    warnings: [],
  },
  {
    title: 'MiniMax: a stream is asked for its counts',
    model: 'MiniMax-M3',
    ask: hi,
    stream: true,
    body: { stream_options: { include_usage: true } },
    warnings: [],
  },
  {
    title: 'MiniMax: an image has the detail that it knows, and none for auto',
    model: 'MiniMax-M3',
    ask: {
      messages: [
        said(Role.USER, text('What is this?'), {
          kind: {
            case: 'media',
            value: {
              mimeType: 'image/png',
              detail: 'auto',
              source: { case: 'url', value: 'https://images.example/a.png' },
            },
          },
        }),
      ],
    },
    body: { messages: [{ content: [{}, { image_url: { url: 'https://images.example/a.png' } }] }] },
    warnings: [],
  },
]
