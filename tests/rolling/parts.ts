// The parts of the rehearsal: which scripts are played, who calls, and what breaks besides.
import type { LoadOptions } from './load.ts'
import type { RehearsalOptions } from './rehearsal.ts'

/** One part. */
export interface Part extends Pick<RehearsalOptions, 'scripts' | 'callers' | 'proxyKillMs'> {
  readonly name: string
}

/** All of them, in the order of the report. */
export const parts: readonly Part[] = [
  { name: 'rolling update', scripts: ['rolling.sh'], callers: 'all' },
  { name: 'blue-green, there and back', scripts: ['blue-green.sh', 'blue-green.sh'], callers: 'all' },
  {
    name: 'rolling update while the proxy is killed, twice',
    scripts: ['rolling.sh'],
    callers: 'ours',
    // Within DRAIN_DELAY: what is begun then runs on at an instance that leaves.
    proxyKillMs: 4_000,
  },
]

/** The load of a whole rehearsal. */
export const LOAD: LoadOptions = { callsPerSecond: 20, streamsPerSecond: 2, streamSeconds: 6 }

/** The settings of compose.yaml that a drain goes by. */
export const SETTINGS = { WORKERS: '1', DRAIN_DELAY: '5', DRAIN_TIMEOUT: '600' } as const
