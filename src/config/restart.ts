// What a running service cannot take over: settings that say something else now than at the start, by their names.
import { resolve } from 'node:path'
import type { Config } from './config.ts'
import { type Environment, namesOf } from './environment.ts'
import type { ReadFile } from './read-file.ts'
import { settingRows } from './settings.ts'

/** What is compared. */
export interface RestartDeps {
  /** As it was read at the start. */
  readonly config: Config
  /** From which it was read. */
  readonly before: Environment
  /** As it would be read now. */
  readonly now: Environment
  readonly readFile: ReadFile
  readonly cwd: string
}

/** The settings that only a restart would bring in. Their values are not told. */
export function restartNeeds({ config, before, now, readFile, cwd }: RestartDeps): readonly string[] {
  const changed = settingRows().flatMap(([name, row]) => {
    const said = (env: Environment): string | undefined =>
      namesOf(name, row)
        .map(one => env[one]?.trim())
        .find(text => text !== undefined && text !== '')
    return said(before) === said(now) ? [] : [name]
  })
  const { tls } = config.listen
  const renewed = [
    ['TLS_CERT', tls?.cert],
    ['TLS_KEY', tls?.key],
  ] as const
  return [
    ...changed,
    ...renewed.flatMap(([name, text]) => {
      const path = before[name]?.trim()
      if (text === undefined || path === undefined || changed.includes(name)) return []
      return textOf(resolve(cwd, path), readFile) === text ? [] : [name]
    }),
  ]
}

function textOf(path: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(path)
  } catch {
    // It is another than before, whatever it is.
    return undefined
  }
}
