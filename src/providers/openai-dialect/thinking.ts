// How much a model is told to think, by the rules of its host and of its family.
import type { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { effortByWord } from '../../core/effort-words.ts'
import { type ReasoningEffort as Effort, type ModelEntry, reasoningEfforts } from '../../core/model.ts'
import type { AttemptInput } from '../../core/provider.ts'
import { mergeFields, providerLayers } from '../merge.ts'
import type { Dialect, ThinkingStep, ToolChoiceForm } from './dialect.ts'
import { type Note, unsupported } from './notes.ts'
import { choiceForm } from './tool-choice.ts'
import { foreign } from './wire.ts'

/** The fields of the wire that this file decides; undefined ones are not sent. */
export interface Thinking {
  readonly reasoning_effort: string | undefined
  readonly reasoning?: { readonly effort: string } | undefined
  readonly thinking?: { readonly type: string; readonly clear_thinking?: false } | undefined
}

/** Decides the fields of one attempt. */
export function buildThinking(input: AttemptInput, dialect: Dialect, note: Note): Thinking {
  const { effort, toggle } = chooseStep(input, dialect, note)
  const clears = keepsReasoning(input, dialect)
  const type = toggle ?? (clears ? 'enabled' : undefined)
  const keeps = clears && type !== 'disabled'
  const thinking =
    type === undefined ? undefined : { type, ...(keeps ? ({ clear_thinking: false } as const) : {}) }
  if (effort !== undefined && dialect.effortObject !== undefined)
    return { reasoning_effort: undefined, [dialect.effortObject]: { effort }, thinking }
  return { reasoning_effort: effort, thinking }
}

/** Whether the model will think about this request, as far as its rules say. */
export function willThink(input: AttemptInput, dialect: Dialect): boolean {
  const { model, request } = input
  if (model.reasoning === 'none') return false
  const own = foreign<'thinking'>(providerLayers(request, model.provider).reduce(mergeFields, {}))
  const told = foreign<'type'>(own?.thinking)?.type
  if (told !== undefined) return told !== 'disabled'
  return chooseStep(input, dialect, () => {}).toggle !== 'disabled'
}

/** The effort that the caller asks for; undefined when it is the model's own. */
export function askedEffort({ request }: AttemptInput): Effort | undefined {
  return wordOf.get(request.reasoningEffort)
}

/** The effort that is sent, as a word of the wire; undefined when none is. */
export function sentEffort(input: AttemptInput, dialect: Dialect): string | undefined {
  return chooseStep(input, dialect, () => {}).effort
}

const wordOf: ReadonlyMap<ReasoningEffort, Effort> = new Map(
  reasoningEfforts.map(word => [effortByWord[word], word]),
)

function chooseStep(input: AttemptInput, dialect: Dialect, note: Note): ThinkingStep {
  const { model } = input
  const rule = model.reasoning === 'none' ? undefined : ruleFor(dialect.thinking, model)
  if (rule === undefined) {
    const effort = chooseEffort(input, dialect, note)
    return effort === undefined ? {} : { effort }
  }
  const asked = askedEffort(input)
  if (switchesOff(input, dialect)) {
    if (asked !== 'none')
      note(
        'CHANGED',
        'reasoning_effort',
        `none, because ${model.id} does not think while it must call a tool`,
      )
    return rule.steps.none
  }
  if (asked === undefined) return {}
  const step = rule.steps[asked]
  if (step.effort === undefined && step.toggle === undefined) {
    note('DROPPED', 'reasoning_effort', `${model.id} thinks as it will`)
  } else if (step.toggle !== undefined && step.toggle !== 'disabled') {
    note('CHANGED', 'reasoning_effort', `thinking is on, because ${model.id} has no steps`)
  } else if (step.effort !== undefined && step.effort !== asked) {
    note('CHANGED', 'reasoning_effort', `${step.effort}, the nearest to ${asked} that ${model.id} has`)
  }
  return step
}

/** Whether a choice of tools is such that the model must not think. */
function switchesOff(input: AttemptInput, dialect: Dialect): boolean {
  const rule = ruleFor(dialect.toolChoiceRules, input.model)
  const form: ToolChoiceForm | undefined = choiceForm(input)
  return rule?.switchesOff === true && form !== undefined && !rule.whileThinking.includes(form)
}

/** The first rule for a model. */
export function ruleFor<Rule extends { readonly models: RegExp }>(
  rules: readonly Rule[] | undefined,
  model: ModelEntry,
): Rule | undefined {
  return rules?.find(({ models }) => models.test(model.id))
}

// Without this, a model reads nothing of what it thought before its own tool calls.
function keepsReasoning({ model, messages }: AttemptInput, dialect: Dialect): boolean {
  if (model.reasoning === 'none' || dialect.clearThinking?.test(model.id) !== true) return false
  return messages.some(({ content }) => content.some(({ kind }) => kind.case === 'toolCall'))
}

function chooseEffort(input: AttemptInput, dialect: Dialect, note: Note): string | undefined {
  const { model, request } = input
  const asked = askedEffort(input)
  const effort = asked === undefined ? undefined : nearestEffort(model, asked, note)
  const rule = request.tools.length === 0 ? undefined : ruleFor(dialect.toolEffort, model)
  if (rule === undefined) return effort
  if (asked !== undefined) {
    if (effort === 'none') return effort
    throw unsupported(
      input,
      'tools',
      `${model.id} takes tools only with reasoning_effort NONE at this endpoint`,
    )
  }
  if (!rule.whenAbsent || model.defaultReasoningEffort === 'none') return undefined
  if (model.reasoningEfforts.length > 0 && !model.reasoningEfforts.includes('none')) {
    throw unsupported(
      input,
      'tools',
      `${model.id} takes no tools at this endpoint, because it cannot stop thinking`,
    )
  }
  note(
    'CHANGED',
    'reasoning_effort',
    `none, because ${model.id} takes tools only without thinking at this endpoint`,
  )
  return 'none'
}

function nearestEffort(model: ModelEntry, asked: Effort, note: Note): Effort | undefined {
  if (model.reasoning === 'none') {
    // A model that never thinks does as it is told.
    if (asked !== 'none') note('DROPPED', 'reasoning_effort', `${model.id} does not think`)
    return undefined
  }
  const known = model.reasoningEfforts
  if (known.length === 0 || known.includes(asked)) return asked
  const distance = (step: Effort) =>
    Math.abs(reasoningEfforts.indexOf(step) - reasoningEfforts.indexOf(asked))
  // Whoever asks for a little thought gets some: `none` is nobody's nearest step. Of two equals the cheaper one is kept.
  const [first, ...others] = reasoningEfforts.filter(step => step !== 'none' && known.includes(step))
  if (first === undefined) return asked
  const nearest = others.reduce((best, step) => (distance(step) < distance(best) ? step : best), first)
  note('CHANGED', 'reasoning_effort', `${nearest}, the nearest to ${asked} that ${model.id} has`)
  return nearest
}
