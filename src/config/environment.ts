// Reads the environment by the table of settings, and collects what is wrong with it and what is worth knowing.
import { editDistance } from '../core/near.ts'
import { type Setting, type SettingValues, settingRows } from './settings.ts'

/** Variables by name, as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What an environment says. */
export interface EnvironmentReading {
  /** Where a problem was found, the default stands in, so that the other rules can be checked, too. */
  readonly values: SettingValues
  readonly problems: readonly string[]
  readonly notices: readonly string[]
}

/** Reads all settings. A variable that is empty counts as not set. */
export function readEnvironment(env: Environment): EnvironmentReading {
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  const notices = unknownNames(env)
  for (const [name, row] of settingRows()) {
    const [used, ...ignored] = namesOf(name, row).filter(one => textOf(env, one) !== undefined)
    notices.push(...ignored.map(one => `${one} is ignored, because ${used} is set`))
    const fallback = row.default === undefined ? undefined : row.kind.parse(row.default)
    values[name] = fallback?.ok ? fallback.value : undefined
    const text = used === undefined ? undefined : textOf(env, used)
    if (used === undefined || text === undefined) continue
    const result = row.kind.parse(text)
    if (result.ok) values[name] = result.value
    else problems.push(`${used} ${result.problem}`)
  }
  // The one place where the table's types meet its values: the loop above filled in a value for each row.
  return { values: values as SettingValues, problems, notices }
}

/** All names of a setting, its own first. */
export function namesOf(name: string, { aliases = [] }: Setting<unknown>): readonly string[] {
  return [name, ...aliases]
}

function textOf(env: Environment, name: string): string | undefined {
  const text = env[name]?.trim()
  return text === '' ? undefined : text
}

const prefix = 'EXAI_'

/** Our own prefix marks what was certainly meant for us. */
function unknownNames(env: Environment): string[] {
  const known = settingRows().flatMap(([name, row]) => namesOf(name, row))
  return Object.keys(env)
    .filter(name => name.startsWith(prefix) && !known.includes(name) && textOf(env, name) !== undefined)
    .map(name => {
      const meant = nearest(name, known)
      return `${name} is no setting${meant === undefined ? ', and has no effect' : `: did you mean ${meant}?`}`
    })
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const bare = name.slice(prefix.length)
  if (known.includes(bare)) return bare
  const ranked = known
    .map(one => ({ one, distance: Math.min(editDistance(name, one), editDistance(bare, one)) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best !== undefined && best.distance <= 2 ? best.one : undefined
}
