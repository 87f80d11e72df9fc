// How much a model thinks, how freely it speaks and where it stops: temperature, top_p and stop strings, within a model's rules.
import type { ModelEntry, TemperatureRule } from '../../core/model.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { Dialect } from './dialect.ts'
import type { Note } from './notes.ts'
import { buildThinking, sentEffort, type Thinking } from './thinking.ts'

/** The fields of the wire that this file decides; undefined ones are not sent. */
export interface Sampling extends Thinking {
  readonly temperature: number | undefined
  readonly top_p: number | undefined
  readonly stop: readonly string[] | undefined
}

// The least temperature above an excluded one: two decimals are what hosts with such a rule keep.
const TEMPERATURE_STEP = 0.01

/** Decides the sampling fields of one attempt. */
export function buildSampling(input: AttemptInput, dialect: Dialect, note: Note): Sampling {
  const thinking = buildThinking(input, dialect, note)
  return { ...thinking, ...chooseWords(input, dialect, note), stop: chooseStop(input, dialect, note) }
}

/** Whether a model is known to think, at least when it is told to. Of a model that nobody described, nothing is known. */
export function isThinker(model: ModelEntry): boolean {
  return model.reasoning !== 'none' && model.confidence !== 'assumed'
}

function chooseWords(
  input: AttemptInput,
  dialect: Dialect,
  note: Note,
): Pick<Sampling, 'temperature' | 'top_p'> {
  const { model, request } = input
  const rule = (model.confidence === 'assumed' ? dialect.temperature : undefined) ?? model.temperature
  const speaksAtOnce = () => (sentEffort(input, dialect) ?? model.defaultReasoningEffort) === 'none'
  if (rule.kind === 'omit' || (rule.kind === 'effort_none' && !speaksAtOnce())) {
    const when = rule.kind === 'omit' ? 'does not take it' : 'takes it only with reasoning_effort NONE'
    // 1 is the default of both, so leaving it out changes nothing.
    if ((request.temperature ?? 1) !== 1) note('DROPPED', 'temperature', `${model.id} ${when}`)
    if ((request.topP ?? 1) !== 1) note('DROPPED', 'top_p', `${model.id} ${when}`)
    return { temperature: undefined, top_p: undefined }
  }
  return { temperature: temperature(input, rule, note), top_p: topP(input, dialect, note) }
}

function temperature(
  { model, request }: AttemptInput,
  rule: Exclude<TemperatureRule, { readonly kind: 'omit' }>,
  note: Note,
): number | undefined {
  const asked = request.temperature
  if (asked === undefined) return undefined
  const min = rule.kind === 'range' && rule.minExcluded ? rule.min + TEMPERATURE_STEP : rule.min
  const taken = Math.min(Math.max(asked, min), rule.max)
  if (taken !== asked) note('CLAMPED', 'temperature', `${taken}: ${model.id} takes ${min} to ${rule.max}`)
  return taken
}

function topP({ model, request }: AttemptInput, { topPMin = 0 }: Dialect, note: Note): number | undefined {
  if (request.topP === undefined || request.topP >= topPMin) return request.topP
  note('CLAMPED', 'top_p', `${topPMin}, the least that ${model.provider} takes`)
  return topPMin
}

function chooseStop(
  { model, request }: AttemptInput,
  dialect: Dialect,
  note: Note,
): readonly string[] | undefined {
  if (request.stop.length === 0 || dialect.stopsHere === true) return undefined
  if (isThinker(model) && !dialect.stopForThinkers) {
    note('DROPPED', 'stop', `${model.id} takes no stop strings`)
    return undefined
  }
  const bytesMax = dialect.stopBytesMax ?? Number.POSITIVE_INFINITY
  const short = request.stop.filter((text, index) => {
    if (Buffer.byteLength(text) <= bytesMax) return true
    note('DROPPED', `stop[${index}]`, `${bytesMax} bytes are the most that ${model.provider} takes`)
    return false
  })
  if (short.length <= dialect.stopMax) return short.length === 0 ? undefined : short
  note('CLAMPED', 'stop', `only the first ${dialect.stopMax} of ${short.length} are sent`)
  return short.slice(0, dialect.stopMax)
}
