// Reads the config file (YAML): what does not fit into environment variables.
import { LineCounter, parseDocument } from 'yaml'
import type { Environment } from './environment.ts'
import {
  type FileContent,
  type FileModel,
  type FileProblem,
  type FileProvider,
  parseShape,
  RESERVED_NAMES,
} from './file-schema.ts'
import { secrets } from './kinds.ts'
import type { AliasConfig, HttpProviderConfig, ModelConfig } from './snapshot.ts'

/** What a config file adds to the configuration. */
export interface ConfigFile {
  readonly providers: readonly HttpProviderConfig[]
  readonly models: readonly ModelConfig[]
  readonly aliases: readonly AliasConfig[]
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
      problems.push({
        path: [...path, 'name'],
        problem: `is a name of this service: choose one other than ${RESERVED_NAMES.join(', ')}`,
      })
    if (names.has(provider.name))
      problems.push({ path: [...path, 'name'], problem: 'is given twice: give each provider its own name' })
    names.add(provider.name)
    problems.push(...checkKey(provider, path, env))
    if (provider.open_ended === false && (provider.models ?? []).length === 0)
      problems.push({
        path: [...path, 'models'],
        problem: 'is missing: list the models, or set open_ended: true',
      })
    problems.push(...checkModels(provider.models ?? [], [...path, 'models'], () => provider.name))
  }
  for (const [index, model] of models.entries()) {
    if (!names.has(model.provider) && (!RESERVED_NAMES.includes(model.provider) || model.provider === 'auto'))
      problems.push({ path: ['models', index, 'provider'], problem: 'is no provider of this configuration' })
  }
  problems.push(...checkModels(models, ['models'], model => model.provider))
  problems.push(...checkAliases(aliases))
  return problems
}

function checkKey(
  provider: FileProvider,
  path: readonly PropertyKey[],
  env: Environment,
): readonly FileProblem[] {
  const { api_key: key, api_key_env: variable } = provider
  if (key !== undefined && variable !== undefined)
    return [{ path: [...path, 'api_key_env'], problem: 'stands beside api_key: keep one of the two' }]
  if (key !== undefined) {
    const result = secrets.parse(key.trim())
    return result.ok ? [] : [{ path: [...path, 'api_key'], problem: result.problem }]
  }
  if (variable === undefined) return []
  const value = env[variable]?.trim() ?? ''
  if (value === '')
    return [{ path: [...path, 'api_key_env'], problem: `names ${variable}, which is not set` }]
  const result = secrets.parse(value)
  return result.ok
    ? []
    : [{ path: [...path, 'api_key_env'], problem: `names ${variable}, which ${result.problem}` }]
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
    const { input_price: input, output_price: output, cached_input_price: cached } = model
    if ((input === undefined) !== (output === undefined) || (cached !== undefined && input === undefined))
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

function fileOf({ providers = [], models = [], aliases = {} }: FileContent, env: Environment): ConfigFile {
  return {
    providers: providers.map(provider => ({
      kind: provider.kind,
      id: provider.name,
      baseUrl: provider.base_url,
      apiKeys: keysOf(provider, env),
      // Without a list of models, every name must be let through, or none could be.
      openEnded: provider.open_ended ?? (provider.models ?? []).length === 0,
    })),
    models: [
      ...providers.flatMap(provider => (provider.models ?? []).map(model => modelOf(provider.name, model))),
      ...models.map(model => modelOf(model.provider, model)),
    ],
    aliases: Object.entries(aliases).map(([alias, model]) => ({ alias, model })),
  }
}

function keysOf(provider: FileProvider, env: Environment): readonly string[] {
  const text =
    provider.api_key ?? (provider.api_key_env === undefined ? undefined : env[provider.api_key_env])
  const result = secrets.parse(text?.trim() ?? '')
  return result.ok ? result.value : []
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
        : { input, output, cachedInput: model.cached_input_price },
    capabilities: {
      tools: model.tools,
      structuredOutput: model.structured_output,
      reasoning: model.reasoning,
      modalitiesIn: model.vision === undefined ? undefined : model.vision ? ['text', 'image'] : ['text'],
    },
  }
}
