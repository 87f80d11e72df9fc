// The keys in the config file: where they come from, and what may be wrong with them.
import type { Environment } from './environment.ts'
import type { FileKey, FileProblem, FileProvider } from './file-schema.ts'
import { secrets } from './kinds.ts'
import type { NewKey } from './providers.ts'

type Path = readonly PropertyKey[]

/** What became of the keys of one provider. Problems never quote a key. */
export interface KeysReading {
  readonly keys: readonly NewKey[]
  readonly problems: readonly FileProblem[]
}

/** Reads `keys`, or the shorter form `api_key` or `api_key_env`, which may hold several with commas. */
export function readKeys(provider: FileProvider, path: Path, env: Environment): KeysReading {
  const { api_key, api_key_env, keys: list } = provider
  const isShort = api_key !== undefined || api_key_env !== undefined
  if (list === undefined) {
    if (!isShort) return { keys: [], problems: [] }
    const { found, problems } = secretsAt({ api_key, api_key_env }, path, env)
    return { keys: found.map(secret => ({ secret })), problems }
  }
  if (isShort)
    return {
      keys: [],
      problems: [{ path: [...path, 'keys'], problem: 'stands beside api_key or api_key_env: keep one' }],
    }
  const problems: FileProblem[] = []
  const keys = list.flatMap((entry, index) => {
    const reading = readKey(entry, [...path, 'keys', index], env)
    problems.push(...reading.problems)
    return reading.keys
  })
  problems.push(...repeated(list, [...path, 'keys']))
  return { keys, problems }
}

function readKey(entry: FileKey, path: Path, env: Environment): KeysReading {
  const { found, problems } = secretsAt(entry, path, env)
  const [secret, ...more] = found
  if (secret === undefined) return { keys: [], problems }
  if (more.length > 0)
    return { keys: [], problems: [{ path, problem: 'holds several keys: give each an entry of its own' }] }
  if (entry.label === secret)
    return {
      keys: [],
      problems: [{ path: [...path, 'label'], problem: 'is the key itself, and would be shown' }],
    }
  const { label, base_url: baseUrl, account, max_concurrent: maxConcurrent } = entry
  return {
    keys: [
      {
        secret,
        ...(label === undefined ? {} : { label }),
        ...(baseUrl === undefined ? {} : { baseUrl }),
        ...(account === undefined ? {} : { account }),
        ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      },
    ],
    problems,
  }
}

function secretsAt(
  { api_key: key, api_key_env: variable }: Pick<FileKey, 'api_key' | 'api_key_env'>,
  path: Path,
  env: Environment,
): { readonly found: readonly string[]; readonly problems: readonly FileProblem[] } {
  const failed = (field: string, problem: string) => ({
    found: [],
    problems: [{ path: [...path, field], problem }],
  })
  if (key !== undefined && variable !== undefined)
    return failed('api_key_env', 'stands beside api_key: keep one of the two')
  if (key !== undefined) {
    const result = secrets.parse(key.trim())
    return result.ok ? { found: result.value, problems: [] } : failed('api_key', result.problem)
  }
  if (variable === undefined) return failed('api_key', 'is missing: give api_key or api_key_env')
  const value = env[variable]?.trim() ?? ''
  if (value === '') return failed('api_key_env', `names ${variable}, which is not set`)
  const result = secrets.parse(value)
  return result.ok
    ? { found: result.value, problems: [] }
    : failed('api_key_env', `names ${variable}, which ${result.problem}`)
}

function repeated(list: readonly FileKey[], path: Path): readonly FileProblem[] {
  const labels = list.map(entry => entry.label)
  return labels.flatMap((label, index) =>
    label !== undefined && labels.indexOf(label) < index
      ? [{ path: [...path, index, 'label'], problem: 'is given twice: give each key its own label' }]
      : [],
  )
}
