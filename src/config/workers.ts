// How many processes serve the port: as many as are asked for, and no more than can divide every limit of calls at once.
import { platform } from 'node:os'
import { usableCores } from './cores.ts'
import { PROCESSES_MAX } from './kinds.ts'
import { fewestPlaces } from './parts.ts'
import type { ReadFile } from './read-file.ts'
import type { Snapshot } from './snapshot.ts'

/** How many, and what is worth a warning about that. */
export interface Workers {
  readonly count: number
  readonly notices: readonly string[]
}

/** Places of each limit that a worker has at least where nobody asked for so many workers. */
const AUTO_PLACES_MIN = 4
// Where several processes can listen on one port and the system deals out connections: SO_REUSEPORT as Linux understands it.
const PORTS_SHARED: ReadonlySet<string> = new Set(['linux', 'freebsd'])

/**
 * `auto`: one for each core where they can share a port, but so few that each has four places of every limit at least. A number:
 * so many, but so few that each has one.
 */
export function workersOf(
  asked: number | 'auto',
  snapshot: Pick<Snapshot, 'limits' | 'providers'>,
  deps: { readonly readFile: ReadFile; readonly cores?: number },
): Workers {
  const wanted = asked === 'auto' ? autoCount(deps) : asked
  const fewest = fewestPlaces(snapshot)
  if (fewest === undefined || wanted === 1) return { count: wanted, notices: [] }
  const { whose, places } = fewest
  const most = Math.max(1, Math.floor(places / (asked === 'auto' ? AUTO_PLACES_MIN : 1)))
  if (wanted <= most) return { count: wanted, notices: [] }
  const needs = asked === 'auto' ? `${AUTO_PLACES_MIN} places` : 'one place'
  return {
    count: most,
    notices: [
      `${most === 1 ? 'one process serves' : `${most} workers serve`} and not ${wanted}: they divide max_concurrent of ${whose}, which is ${places}, and each needs ${needs} of it`,
    ],
  }
}

function autoCount({
  readFile,
  cores = usableCores({ readFile }),
}: {
  readonly readFile: ReadFile
  readonly cores?: number
}): number {
  return PORTS_SHARED.has(platform()) ? Math.min(PROCESSES_MAX, cores) : 1
}
