// How much a model thinks and how freely it speaks: effort, temperature, top_p and stop strings, within a model's rules.
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { type ReasoningEffort as Effort, type ModelEntry, reasoningEfforts } from '../../core/model.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { Dialect } from './dialect.ts'
import { type Note, unsupported } from './notes.ts'

/** The fields of the wire that this file decides; undefined ones are not sent. */
export interface Sampling {
  readonly reasoning_effort: string | undefined
  readonly temperature: number | undefined
  readonly top_p: number | undefined
  readonly stop: readonly string[] | undefined
}

const wordOf: ReadonlyMap<ReasoningEffort, Effort> = new Map<ReasoningEffort, Effort>([
  [ReasoningEffort.NONE, 'none'],
  [ReasoningEffort.MINIMAL, 'minimal'],
  [ReasoningEffort.LOW, 'low'],
  [ReasoningEffort.MEDIUM, 'medium'],
  [ReasoningEffort.HIGH, 'high'],
  [ReasoningEffort.XHIGH, 'xhigh'],
  [ReasoningEffort.MAX, 'max'],
])

// The least temperature above an excluded one: two decimals are what hosts with such a rule keep.
const TEMPERATURE_STEP = 0.01

/** Decides the sampling fields of one attempt. */
export function buildSampling(input: AttemptInput, dialect: Dialect, note: Note): Sampling {
  const effort = chooseEffort(input, dialect, note)
  return {
    reasoning_effort: effort,
    ...chooseWords(input, effort, note),
    stop: chooseStop(input, dialect, note),
  }
}

/** Whether a model is known to think, at least when it is told to. Of a model that nobody described, nothing is known. */
export function isThinker(model: ModelEntry): boolean {
  return model.reasoning !== 'none' && model.confidence !== 'assumed'
}

function chooseEffort(input: AttemptInput, dialect: Dialect, note: Note): string | undefined {
  const { model, request } = input
  const asked = wordOf.get(request.reasoningEffort)
  const effort = asked === undefined ? undefined : nearestEffort(model, asked, note)
  const rule =
    request.tools.length === 0 ? undefined : dialect.toolEffort.find(({ models }) => models.test(model.id))
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

function chooseWords(
  { model, request }: AttemptInput,
  effort: string | undefined,
  note: Note,
): Pick<Sampling, 'temperature' | 'top_p'> {
  const rule = model.temperature
  const speaksAtOnce = (effort ?? model.defaultReasoningEffort) === 'none'
  if (rule.kind === 'omit' || (rule.kind === 'effort_none' && !speaksAtOnce)) {
    const when = rule.kind === 'omit' ? 'does not take it' : 'takes it only with reasoning_effort NONE'
    // 1 is the default of both, so leaving it out changes nothing.
    if ((request.temperature ?? 1) !== 1) note('DROPPED', 'temperature', `${model.id} ${when}`)
    if ((request.topP ?? 1) !== 1) note('DROPPED', 'top_p', `${model.id} ${when}`)
    return { temperature: undefined, top_p: undefined }
  }
  const asked = request.temperature
  if (asked === undefined) return { temperature: undefined, top_p: request.topP }
  const min = rule.kind === 'range' && rule.minExcluded ? rule.min + TEMPERATURE_STEP : rule.min
  const temperature = Math.min(Math.max(asked, min), rule.max)
  if (temperature !== asked)
    note('CLAMPED', 'temperature', `${temperature}: ${model.id} takes ${min} to ${rule.max}`)
  return { temperature, top_p: request.topP }
}

function chooseStop(
  { model, request }: AttemptInput,
  dialect: Dialect,
  note: Note,
): readonly string[] | undefined {
  if (request.stop.length === 0) return undefined
  if (isThinker(model) && !dialect.stopForThinkers) {
    note('DROPPED', 'stop', `${model.id} takes no stop strings`)
    return undefined
  }
  if (request.stop.length <= dialect.stopMax) return request.stop
  note('CLAMPED', 'stop', `only the first ${dialect.stopMax} of ${request.stop.length} are sent`)
  return request.stop.slice(0, dialect.stopMax)
}
