// Reads the config file (YAML): what does not fit into environment variables.
import { LineCounter, parseDocument } from 'yaml'
import type { LogLevel } from '../core/log.ts'
import type { Environment } from './environment.ts'
import { readKeys } from './file-keys.ts'
import { checkLimits, rulesOf } from './file-limits.ts'
import { checkRouting, routingOf } from './file-routing.ts'
import {
  BUILT_IN_NAMES,
  type FileContent,
  type FileModel,
  type FileProblem,
  type FileProvider,
  parseShape,
  RESERVED_NAMES,
} from './file-schema.ts'
import type { FileProviderConfig } from './providers.ts'
import {
  type AliasConfig,
  HTTP_KINDS,
  type HttpKind,
  type ModelConfig,
  PRESETS,
  type RoutingConfig,
  type RulesConfig,
} from './snapshot.ts'

/** What a config file adds to the configuration. */
export interface ConfigFile extends RoutingConfig {
  /** In the order of the file; no name twice. */
  readonly providers: readonly FileProviderConfig[]
  readonly models: readonly ModelConfig[]
  readonly aliases: readonly AliasConfig[]
  /** Absent: none. */
  readonly rules?: RulesConfig | undefined
  /** Absent: as the settings say. */
  readonly logLevel?: LogLevel | undefined
}

/** What became of a file: what it says, or every problem, each with its line and its place. */
export type FileReading =
  | { readonly ok: true; readonly file: ConfigFile }
  | { readonly ok: false; readonly problems: readonly string[] }

/** What the reading needs. */
export interface FileSource {
  readonly text: string
  /** As problems shall name the file. */
  readonly label: string
  /** Where `api_key_env` looks. */
  readonly env: Environment
}

/** Reads the file's text as a whole; a file with any problem says nothing. */
export function parseConfigFile({ text, label, env }: FileSource): FileReading {
  const lines = new LineCounter()
  // Pretty errors quote the line they complain about, and it may hold a key.
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines })
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ code, pos }) => {
      const { line, col } = lines.linePos(pos[0])
      return `${label}:${line}:${col}: not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`
    })
    return { ok: false, problems }
  }
  let data: unknown
  try {
    data = document.toJS()
  } catch {
    // Thrown for an alias without its anchor, and for aliases that unfold without end.
    return { ok: false, problems: [`${label}: not valid YAML (its aliases cannot be resolved)`] }
  }
  const shape = parseShape(data ?? {})
  const problems = shape.ok ? check(shape.content, env) : shape.problems
  if (shape.ok && problems.length === 0) return { ok: true, file: fileOf(shape.content, env) }
  return {
    ok: false,
    problems: problems.map(({ path, problem }) => {
      const line = lineOf(path)
      return `${label}${line === undefined ? '' : `:${line}`}: ${placeOf(path)} ${problem}`
    }),
  }

  /** The line of the place, or of the nearest thing around it that is written down. */
  function lineOf(path: readonly PropertyKey[]): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = document.getIn(path.slice(0, length), true)
      if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
        const [start]: unknown[] = node.range
        if (typeof start === 'number') return lines.linePos(start).line
      }
    }
    return undefined
  }
}

function placeOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file'
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`))
    .join('')
}

/** What the schema cannot see: how the parts of the file fit together. */
function check(content: FileContent, env: Environment): readonly FileProblem[] {
  const { providers = [], models = [], aliases = {} } = content
  const problems: FileProblem[] = []
  const names = new Set<string>()
  for (const [index, provider] of providers.entries()) {
    const path = ['providers', index]
    if (RESERVED_NAMES.includes(provider.name))
      problems.push({ path: [...path, 'name'], problem: 'is a name of this service: choose another' })
    if (names.has(provider.name))
      problems.push({ path: [...path, 'name'], problem: 'is given twice: give each provider its own name' })
    names.add(provider.name)
    problems.push(...checkKind(provider, path))
    problems.push(...checkKeys(provider, path, env))
    if (provider.open_ended === false && !isBuiltIn(provider.name) && (provider.models ?? []).length === 0)
      problems.push({
        path: [...path, 'models'],
        problem: 'is missing: list the models, or set open_ended: true',
      })
    problems.push(...checkModels(provider.models ?? [], [...path, 'models'], () => provider.name))
  }
  for (const [index, model] of models.entries()) {
    if (!names.has(model.provider) && !isBuiltIn(model.provider) && model.provider !== 'sandbox')
      problems.push({ path: ['models', index, 'provider'], problem: 'is no provider of this configuration' })
  }
  problems.push(...checkModels(models, ['models'], model => model.provider))
  problems.push(...checkAliases(aliases), ...checkRouting(content), ...checkLimits(content.limits))
  return problems
}

function isBuiltIn(name: string): boolean {
  return BUILT_IN_NAMES.some(one => one === name)
}

/** The adapter of a provider; undefined where nothing says it. */
function kindOf({ name, kind, preset }: FileProvider): HttpKind | undefined {
  return BUILT_IN_NAMES.find(one => one === name) ?? (preset === undefined ? kind : 'openai-compatible')
}

function checkKind(provider: FileProvider, path: readonly PropertyKey[]): readonly FileProblem[] {
  const { name, kind, preset, base_url: baseUrl } = provider
  if (isBuiltIn(name)) {
    const field = preset !== undefined ? 'preset' : kind !== undefined && kind !== name ? 'kind' : undefined
    return field === undefined
      ? []
      : [
          {
            path: [...path, field],
            problem: `does not fit the name ${name}: remove it, or choose another name`,
          },
        ]
  }
  if (preset !== undefined)
    return kind === undefined || kind === 'openai-compatible'
      ? []
      : [{ path: [...path, 'preset'], problem: `does not fit the kind ${kind}: keep one of the two` }]
  if (kind === undefined) return [{ path: [...path, 'kind'], problem: 'is missing: give a kind or a preset' }]
  return kind === 'openai-compatible' && baseUrl === undefined
    ? [{ path: [...path, 'base_url'], problem: 'is missing' }]
    : []
}

function checkKeys(
  provider: FileProvider,
  path: readonly PropertyKey[],
  env: Environment,
): readonly FileProblem[] {
  const { keys, problems } = readKeys(provider, path, env)
  const kind = kindOf(provider)
  if (keys.length > 0 || problems.length > 0 || kind === undefined || isBuiltIn(provider.name))
    return problems
  const wantsKey =
    provider.preset === undefined ? HTTP_KINDS[kind].wantsKey : PRESETS[provider.preset].wantsKey
  return wantsKey ? [{ path, problem: 'has no key: give it api_key, api_key_env or keys' }] : []
}

function checkModels<M extends FileModel>(
  models: readonly M[],
  path: readonly PropertyKey[],
  providerOf: (model: M) => string,
): readonly FileProblem[] {
  const problems: FileProblem[] = []
  const ids = new Set<string>()
  for (const [index, model] of models.entries()) {
    const place = [...path, index]
    const id = `${providerOf(model)}/${model.id}`.toLowerCase()
    if (ids.has(id))
      problems.push({ path: [...place, 'id'], problem: 'is given twice: describe each model once' })
    ids.add(id)
    const { input_price: input, output_price: output } = model
    const more = [
      model.cached_input_price,
      model.cache_write_price,
      model.web_search_price,
      model.price_tiers,
    ]
    const hasMore = more.some(price => price !== undefined)
    if ((input === undefined) !== (output === undefined) || (hasMore && input === undefined))
      problems.push({
        path: place,
        problem: 'has half a price: give input_price and output_price, or neither',
      })
  }
  return problems
}

function checkAliases(aliases: Readonly<Record<string, string>>): readonly FileProblem[] {
  const problems: FileProblem[] = []
  const names = new Set<string>()
  const all = new Set(Object.keys(aliases).map(alias => alias.toLowerCase()))
  for (const [alias, model] of Object.entries(aliases)) {
    const path = ['aliases', alias]
    const name = alias.toLowerCase()
    if (name === 'auto') problems.push({ path, problem: 'has a meaning of its own: choose another alias' })
    if (names.has(name)) problems.push({ path, problem: 'differs from another alias in letter case only' })
    names.add(name)
    if (all.has(model.toLowerCase()) || model.toLowerCase() === 'auto')
      problems.push({ path, problem: 'must lead to a model, not to another alias' })
  }
  return problems
}

function fileOf(content: FileContent, env: Environment): ConfigFile {
  const { providers = [], models = [], aliases = {} } = content
  return {
    ...routingOf(content),
    providers: providers.map(provider => providerOf(provider, env)),
    models: [
      ...providers.flatMap(provider => (provider.models ?? []).map(model => modelOf(provider.name, model))),
      ...models.map(model => modelOf(model.provider, model)),
    ],
    aliases: Object.entries(aliases).map(([alias, model]) => ({ alias, model })),
    rules: rulesOf(content.limits),
    ...(content.log_level === undefined ? {} : { logLevel: content.log_level }),
  }
}

function providerOf(provider: FileProvider, env: Environment): FileProviderConfig {
  const { name, preset, base_url: baseUrl, open_ended: openEnded, models = [] } = provider
  return {
    kind: kindOf(provider) ?? 'openai-compatible',
    id: name,
    ...(preset === undefined ? {} : { preset }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    keys: readKeys(provider, [], env).keys,
    // Without a list of models, every name must be let through, or none could be; those of the four are known.
    openEnded: openEnded ?? (isBuiltIn(name) ? undefined : models.length === 0),
  }
}

type PriceTierConfig = NonNullable<NonNullable<ModelConfig['price']>['tiers']>[number]

function tierOf(tier: NonNullable<FileModel['price_tiers']>[number]): PriceTierConfig {
  return {
    aboveInputTokens: tier.above_input_tokens,
    input: tier.input_price,
    output: tier.output_price,
    cachedInput: tier.cached_input_price,
    cacheWrite: tier.cache_write_price,
  }
}

function modelOf(provider: string, model: FileModel): ModelConfig {
  const { input_price: input, output_price: output } = model
  return {
    provider,
    id: model.id,
    aliases: model.aliases,
    contextWindow: model.context_window,
    maxOutputTokens: model.max_output_tokens,
    price:
      input === undefined || output === undefined
        ? undefined
        : {
            input,
            output,
            cachedInput: model.cached_input_price,
            cacheWrite: model.cache_write_price,
            webSearch: model.web_search_price,
            ...(model.price_tiers !== undefined && { tiers: model.price_tiers.map(tierOf) }),
          },
    quality: model.quality,
    capabilities: {
      tools: model.tools,
      structuredOutput: model.structured_output,
      reasoning: model.reasoning,
      modalitiesIn: model.vision === undefined ? undefined : model.vision ? ['text', 'image'] : ['text'],
      modalitiesOut: model.embeddings === undefined ? undefined : [model.embeddings ? 'embedding' : 'text'],
    },
  }
}
