// Makes a Snapshot from the settings of the environment and the text of the config file, or says everything that is wrong.
import { createHash } from 'node:crypto'
import type { Environment } from './environment.ts'
import type { ConfigFile } from './file.ts'
import { composeProviders } from './providers.ts'
import type { SettingValues } from './settings.ts'
import { createSnapshot, DEFAULT_ROUTING, type Snapshot } from './snapshot.ts'

/** What a Snapshot is made from. */
export interface SnapshotSource {
  readonly env: Environment
  /** What the environment says. */
  readonly values: SettingValues
  /** Absent: no file is named. */
  readonly file?:
    | { readonly text: string /** As problems shall name it. */; readonly label: string }
    | undefined
  /** Number of the Snapshot, from 1. */
  readonly version: number
}

/** What became of it: the Snapshot and what is worth a warning, or every problem. No line contains the value of a secret. */
export type SnapshotReading =
  | { readonly ok: true; readonly snapshot: Snapshot; readonly notices: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] }

const NO_FILE: ConfigFile = { providers: [], models: [], aliases: [], ...DEFAULT_ROUTING }

/** Reads the whole; with any problem in the file there is no Snapshot. */
export async function readSnapshot({ env, values, file, version }: SnapshotSource): Promise<SnapshotReading> {
  let content = NO_FILE
  if (file !== undefined) {
    // Loaded only here: yaml and zod take a tenth of a second and 15 MB, which a start without a file need not pay.
    const { parseConfigFile } = await import('./file.ts')
    const result = parseConfigFile({ ...file, env })
    if (!result.ok) return result
    content = result.file
  }
  const { providers, notices } = composeProviders(values, content.providers)
  return { ok: true, snapshot: createSnapshot({ ...content, version, providers }), notices }
}

/** Stands for a text: equal for equal texts only. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
