// Lays the variables of a `.env` file under those of the real environment.
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { ConfigError } from './config-error.ts'
import { type Environment, namesOf } from './environment.ts'
import { type ReadFile, whyUnreadable } from './read-file.ts'
import { settingRows } from './settings.ts'

/** What the reading of `.env` needs. */
export interface DotEnvDeps {
  readonly env: Environment
  readonly readFile: ReadFile
  /** Folder in which `.env` is looked for. */
  readonly cwd: string
}

/**
 * The real environment, completed from `.env` if there is one. The real environment wins: under every name that a
 * setting has, and with an empty value, too, so that a setting can be taken away.
 * @throws ConfigError when the file is there and cannot be read
 */
export function readDotEnv({ env, readFile, cwd }: DotEnvDeps): Environment {
  const fromFile = parseEnv(textOf({ readFile, cwd }))
  const kept = Object.entries(fromFile).filter(([name]) =>
    synonyms(name).every(synonym => env[synonym] === undefined),
  )
  return { ...Object.fromEntries(kept), ...env }
}

function textOf({ readFile, cwd }: Omit<DotEnvDeps, 'env'>): string {
  try {
    return readFile(join(cwd, '.env')).replace(/^\uFEFF/, '')
  } catch (error) {
    const why = whyUnreadable(error)
    if (why === 'ENOENT') return ''
    throw new ConfigError([`.env cannot be read (${why}): correct its permissions, or remove it`])
  }
}

function synonyms(name: string): readonly string[] {
  const all = settingRows().map(([own, row]) => namesOf(own, row))
  return all.find(names => names.includes(name)) ?? [name]
}
