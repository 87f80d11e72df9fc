// Opens what keeps things in DATA_DIR, or says in one line why that folder cannot be used.
import { mkdir } from 'node:fs/promises'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import { GatewayError } from './core/errors.ts'
import { newId } from './core/ids.ts'
import type { Log } from './core/log.ts'
import { type Keeping, openKeeping } from './keeping.ts'
import { type StoreWatch, watchStore } from './status/store-watch.ts'

/** What `openDataDir` needs. */
export interface DataDirDeps {
  readonly config: Pick<Config, 'dataDir' | 'supabase'>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Opens everything that is kept; a folder that is not there is made, for this user alone. Throws a line about DATA_DIR when
 * it cannot be written, or its database cannot be opened by this version.
 */
export async function openDataDir({ config, clock, log }: DataDirDeps): Promise<Keeping> {
  const { dataDir, supabase } = config
  try {
    // Prompts and answers are for nobody else on this machine.
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    return await openKeeping({ config: { dataDir, supabase }, clock, log })
  } catch (cause) {
    throw new GatewayError('INTERNAL', `DATA_DIR ${dataDir} cannot be used: ${whyUnusable(cause)}`, { cause })
  }
}

/** Closes what was opened, or is being opened. Whoever waits for it to open is told why it does not. */
export async function closeData(opening: Promise<Keeping>): Promise<void> {
  const keeping = await opening.catch(() => undefined)
  await keeping?.close()
}

/** Watches the store of what was opened. */
export function watchData(keeping: Keeping, clock: Clock, onChange: () => void): StoreWatch {
  const { journal, isOpen } = keeping
  return watchStore({ journal, isOpen, probe: () => probeStore(keeping, clock), onChange })
}

/** Writes a mark that is over already, which the sweep of old ones takes along. Rejects when it is not kept. */
async function probeStore({ marks }: Pick<Keeping, 'marks'>, clock: Clock): Promise<void> {
  const now = clock.now()
  const responseId = newId('resp', now)
  await marks.begin({ responseId, tenant: '', key: '', fingerprint: '', owner: '', expiresAt: now })
}

function whyUnusable(error: unknown): string {
  const { message, cause, reason } = GatewayError.from(error)
  // What this service says by itself names the way out.
  if (cause === undefined || reason === 'STORAGE_FULL') return message
  const why = cause instanceof Error ? cause.message : 'unknown'
  return `${why}; let this user write there, put a backup back, or name another folder`
}
