// Reads the bundled table of models, once and with distrust: unknown JSON in, typed entries and named problems out.

import {
  confidences,
  endpoints,
  type ModelEntry,
  type ModelPrice,
  type ModelRate,
  modalities,
  reasoningEfforts,
  reasonings,
  statuses,
  structuredOutputs,
  type TemperatureRule,
} from '../core/model.ts'
import { nanoUsdFromUsd } from '../core/money.ts'

/** The models of a table, the day on which the facts were gathered, and what could not be read. */
export interface ModelTable {
  /** `YYYY-MM-DD`. */
  readonly asOf: string
  readonly models: readonly ModelEntry[]
  /** One line for each model that was left out because a fact in it is not what it should be. */
  readonly problems: readonly string[]
}

/** Vendors that are known under another name here: one provider id for each wire format. */
const providerOf: ReadonlyMap<string, string> = new Map([
  ['zai', 'glm'],
  ['zhipuai', 'glm'],
  ['moonshot', 'kimi'],
])

/** The table's wording of each rule; 0 to 2 is what OpenAI's API reference allows. */
const temperatureOf: ReadonlyMap<string, TemperatureRule> = new Map<string, TemperatureRule>([
  ['accepted', { kind: 'range', min: 0, max: 2, minExcluded: false }],
  ['[0,1]', { kind: 'range', min: 0, max: 1, minExcluded: false }],
  ['(0,1]', { kind: 'range', min: 0, max: 1, minExcluded: true }],
  ['only with reasoning_effort=none', { kind: 'effort_none', min: 0, max: 2 }],
  ['rejected', { kind: 'omit' }],
  ['fixed (omit)', { kind: 'omit' }],
  ['n/a', { kind: 'omit' }],
])

const day = /^\d{4}-\d\d-\d\d$/
const dayOrMonth = /^\d{4}-\d\d(-\d\d)?$/

/** Reads a table `{asOf, models[]}`. A model that is not as it should be is left out and named in `problems`. */
export function parseModels(raw: unknown): ModelTable {
  const problems: string[] = []
  const table = createReader(raw, problem => problems.push(`models: ${problem}`))
  const asOf = table.date('asOf', day) ?? ''
  const models: ModelEntry[] = []
  for (const [index, item] of table.list('models').entries()) {
    const before = problems.length
    const label = `models[${index}]`
    const entry = readEntry(createReader(item, problem => problems.push(`${label}: ${problem}`)))
    if (problems.length === before) models.push(entry)
  }
  return { asOf, models, problems }
}

function readEntry(fields: Reader): ModelEntry {
  const vendor = fields.text('provider')
  const source = fields.child('source')
  return {
    provider: providerOf.get(vendor) ?? vendor,
    id: fields.text('id'),
    aliases: fields.texts('aliases'),
    status: fields.oneOf('status', statuses) ?? 'current',
    released: fields.date('released', dayOrMonth),
    shutdown: fields.date('shutdown', day),
    contextWindow: fields.count('context_window'),
    maxInputTokens: fields.count('max_input_tokens'),
    maxOutputTokens: fields.count('max_output_tokens'),
    modalitiesIn: fields.someOf('modalities_in', modalities),
    modalitiesOut: fields.someOf('modalities_out', modalities),
    tools: fields.flag('tools'),
    structuredOutput: fields.oneOf('structured_output', structuredOutputs) ?? 'none',
    reasoning: fields.oneOf('reasoning', reasonings) ?? 'none',
    reasoningEfforts: fields.someOf('reasoning_efforts', reasoningEfforts),
    defaultReasoningEffort: fields.oneOf('default_reasoning_effort', reasoningEfforts),
    temperature:
      temperatureOf.get(fields.text('temperature')) ?? fields.fail('temperature', { kind: 'omit' }),
    endpoints: fields.someOf('endpoints', endpoints),
    price: fields.absent('price') ? undefined : readPrice(fields.child('price')),
    confidence: fields.oneOf('confidence', confidences) ?? 'low',
    source: {
      limits: source.text('limits'),
      price: source.text('price'),
      capabilities: source.text('capabilities'),
    },
    notes: fields.text('notes'),
  }
}

function readPrice(fields: Reader): ModelPrice {
  fields.oneOf('currency', ['USD'])
  fields.oneOf('unit', ['per_1M_tokens'])
  const tiers = fields.children('tiers').map(tier => ({
    aboveInputTokens: tier.count('above_input_tokens') ?? tier.fail('above_input_tokens', 0),
    ...readRate(tier),
  }))
  return { ...readRate(fields), tiers: tiers.sort((a, b) => a.aboveInputTokens - b.aboveInputTokens) }
}

function readRate(fields: Reader): ModelRate {
  return {
    input: fields.money('input') ?? fields.fail('input', 0n),
    cachedInput: fields.money('cached_input'),
    cacheWrite: fields.money('cache_write'),
    output: fields.money('output') ?? fields.fail('output', 0n),
  }
}

/** Reads single fields; what is absent is undefined or empty, what is wrong is reported and replaced by that. */
interface Reader {
  absent(name: string): boolean
  fail<T>(name: string, instead: T): T
  list(name: string): readonly unknown[]
  text(name: string): string
  texts(name: string): readonly string[]
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined
  someOf<T extends string>(name: string, allowed: readonly T[]): readonly T[]
  date(name: string, pattern: RegExp): string | undefined
  count(name: string): number | undefined
  flag(name: string): boolean
  money(name: string): bigint | undefined
  child(name: string): Reader
  children(name: string): readonly Reader[]
}

/** Reads the fields of one JSON object; null is absent, and whatever has the wrong shape goes to `report`. */
function createReader(raw: unknown, report: (problem: string) => void): Reader {
  const isObject = typeof raw === 'object' && raw !== null && !Array.isArray(raw)
  if (!isObject) report('must be an object')
  // Its values stay unknown, so nothing is claimed here that the check above did not show.
  const object = isObject ? (raw as Readonly<Record<string, unknown>>) : {}

  const absent = (name: string) => object[name] === undefined || object[name] === null
  function fail<T>(name: string, instead: T): T {
    report(`${name} is not as expected: ${JSON.stringify(object[name])?.slice(0, 60)}`)
    return instead
  }
  function list(name: string): readonly unknown[] {
    if (absent(name)) return []
    const value = object[name]
    return Array.isArray(value) ? value : fail(name, [])
  }
  function text(name: string): string {
    const value = object[name]
    return typeof value === 'string' ? value : fail(name, '')
  }
  function someOf<T extends string>(name: string, allowed: readonly T[]): readonly T[] {
    return list(name).flatMap(value => allowed.find(one => one === value) ?? fail(name, []))
  }
  return {
    absent,
    fail,
    list,
    text,
    someOf,
    texts: name => list(name).flatMap(value => (typeof value === 'string' ? value : fail(name, []))),
    oneOf(name, allowed) {
      if (absent(name)) return undefined
      return allowed.find(one => one === object[name]) ?? fail(name, undefined)
    },
    date(name, pattern) {
      if (absent(name)) return undefined
      const value = text(name)
      return pattern.test(value) && !Number.isNaN(Date.parse(value)) ? value : fail(name, undefined)
    },
    count(name) {
      if (absent(name)) return undefined
      const value = object[name]
      return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
        ? value
        : fail(name, undefined)
    },
    flag(name) {
      const value = object[name]
      return typeof value === 'boolean' ? value : fail(name, false)
    },
    money(name) {
      if (absent(name)) return undefined
      const value = object[name]
      return (typeof value === 'number' ? nanoUsdFromUsd(value) : undefined) ?? fail(name, undefined)
    },
    child: name => createReader(object[name], problem => report(`${name}: ${problem}`)),
    children: name => list(name).map(item => createReader(item, problem => report(`${name}: ${problem}`))),
  }
}
