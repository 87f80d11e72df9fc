// Names what of a changed configuration needs a restart, when it is put into use.
import { isDeepStrictEqual } from 'node:util'
import type { Snapshot } from './config/snapshot.ts'
import type { ConfigWatchDeps } from './config/watch.ts'
import type { Log } from './core/log.ts'

/** Puts Snapshots into use as `take` does, and warns of what the service goes on with as it was when it began. */
export function namingRestarts(
  take: ConfigWatchDeps['take'],
  { begun, log }: { readonly begun: Snapshot; readonly log: Log },
): ConfigWatchDeps['take'] {
  return async next => {
    await take(next)
    // A circuit keeps the numbers with which it judges.
    if (!isDeepStrictEqual(next.circuit, begun.circuit))
      log.warn('changed settings need a restart', { settings: ['routing.circuit'] })
  }
}
