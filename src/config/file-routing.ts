// The routing in the config file: limits of calls at once, who answers instead of whom, queues and circuits.
import { BUILT_IN_NAMES, type FileContent, type FileProblem } from './file-schema.ts'
import { type ChainConfig, DEFAULT_ROUTING, type LimitConfig, type RoutingConfig } from './snapshot.ts'

/** What the file says of the routing; where it says nothing, what holds without it. */
export function routingOf({ providers = [], models = [], routing = {} }: FileContent): RoutingConfig {
  const { fallbacks = {}, queue = {}, circuit = {} } = routing
  const usual = DEFAULT_ROUTING
  return {
    limits: [
      ...providers.flatMap(({ name, max_concurrent, models: own = [] }) => [
        ...limitOf(name, undefined, max_concurrent),
        ...own.flatMap(model => limitOf(name, model.id, model.max_concurrent)),
      ]),
      ...models.flatMap(model => limitOf(model.provider, model.id, model.max_concurrent)),
    ],
    chains: Object.entries(fallbacks).map(([model, names]): ChainConfig => ({ model, fallbacks: names })),
    queue: {
      maxWaiting: queue.max_waiting ?? usual.queue.maxWaiting,
      maxWaitMs: milliseconds(queue.max_wait) ?? usual.queue.maxWaitMs,
    },
    circuit: {
      window: circuit.window ?? usual.circuit.window,
      callsMin: circuit.min_calls ?? usual.circuit.callsMin,
      failurePercent:
        circuit.failure_ratio === undefined ? usual.circuit.failurePercent : circuit.failure_ratio * 100,
      openMs: milliseconds(circuit.open_seconds) ?? usual.circuit.openMs,
    },
  }
}

function limitOf(
  provider: string,
  model: string | undefined,
  maxConcurrent: number | undefined,
): readonly LimitConfig[] {
  if (maxConcurrent === undefined) return []
  return [{ provider, ...(model === undefined ? {} : { model }), maxConcurrent }]
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}

/** What is wrong with names of models that lead nowhere, and with numbers that do not fit together. */
export function checkRouting(content: FileContent): readonly FileProblem[] {
  const { fallbacks = {}, circuit = {} } = content.routing ?? {}
  const problems: FileProblem[] = []
  const seen = new Set<string>()
  for (const [model, names] of Object.entries(fallbacks)) {
    const path = ['routing', 'fallbacks', model]
    const key = model.toLowerCase()
    if (key === 'auto')
      problems.push({ path, problem: 'chooses among all models by itself: name a model instead' })
    if (seen.has(key)) problems.push({ path, problem: 'differs from another model in letter case only' })
    seen.add(key)
    problems.push(...checkChain(key, names, path))
  }
  problems.push(...checkNames(content))
  const { window = DEFAULT_ROUTING.circuit.window, min_calls: callsMin } = circuit
  if (callsMin !== undefined && callsMin > window)
    problems.push({
      path: ['routing', 'circuit', 'min_calls'],
      problem: `must be at most the window, which is ${window}: more calls are never looked at`,
    })
  if (callsMin === undefined && window < DEFAULT_ROUTING.circuit.callsMin)
    problems.push({
      path: ['routing', 'circuit', 'window'],
      problem: `must be at least min_calls, which is ${DEFAULT_ROUTING.circuit.callsMin}: give min_calls, too`,
    })
  return problems
}

function checkChain(
  model: string,
  names: readonly string[],
  path: readonly PropertyKey[],
): readonly FileProblem[] {
  const all = names.map(name => name.toLowerCase())
  return all.flatMap((name, index): readonly FileProblem[] => {
    const place = [...path, index]
    if (name === model) return [{ path: place, problem: 'leads back to the model itself: remove it' }]
    return all.indexOf(name) < index ? [{ path: place, problem: 'is given twice: name each model once' }] : []
  })
}

/** Names of models that nobody can have: those of a provider of this file that has only the models it lists. */
function checkNames(content: FileContent): readonly FileProblem[] {
  const { aliases = {}, routing: { fallbacks = {} } = {} } = content
  const known = closedModels(content)
  const own = new Set(Object.keys(aliases).map(alias => alias.toLowerCase()))
  const check = (name: string, path: readonly PropertyKey[]): readonly FileProblem[] => {
    const lower = name.toLowerCase()
    const slash = lower.indexOf('/')
    const models = slash < 0 || own.has(lower) ? undefined : known.get(lower.slice(0, slash))
    return models === undefined || models.has(lower.slice(slash + 1))
      ? []
      : [{ path, problem: `names a model that ${lower.slice(0, slash)} does not list` }]
  }
  return [
    ...Object.entries(aliases).flatMap(([alias, model]) => check(model, ['aliases', alias])),
    ...Object.entries(fallbacks).flatMap(([model, names]) => {
      const path = ['routing', 'fallbacks', model]
      return [...check(model, path), ...names.flatMap((name, index) => check(name, [...path, index]))]
    }),
  ]
}

/** Every name of the models of each provider that passes no other on. The four have models that are not in the file. */
function closedModels({
  providers = [],
  models = [],
}: FileContent): ReadonlyMap<string, ReadonlySet<string>> {
  const closed = providers.filter(
    ({ name, open_ended: openEnded, models: own = [] }) =>
      openEnded !== true && own.length > 0 && !BUILT_IN_NAMES.some(one => one === name),
  )
  return new Map(
    closed.map(({ name, models: own = [] }) => {
      const all = [...own, ...models.filter(model => model.provider === name)]
      const names = all.flatMap(({ id, aliases = [] }) => [id, ...aliases])
      return [name, new Set(names.map(one => one.toLowerCase()))]
    }),
  )
}
