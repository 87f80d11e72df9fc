// Does once what the service does every few minutes for files, by its own parts, at a time when nothing is too young to be freed.
import type { Clock } from '../../src/core/clock.ts'
import { ORPHAN_AGE_MS, type Swept, sweepFiles } from '../../src/files/sweep.ts'
import { type KeepingConfig, openKeeping } from '../../src/keeping.ts'
import { keepingLog } from './store-rig.ts'

/** Sweeps a folder that no service uses now; `afterwards` is awaited while what changed is being sent to the project. */
export async function sweepLater(
  config: KeepingConfig,
  afterwards: () => Promise<void> = async () => undefined,
): Promise<Swept> {
  const clock: Clock = { now: () => Date.now() + 2 * ORPHAN_AGE_MS, monotonic: () => performance.now() }
  const keeping = await openKeeping({ config, clock, log: keepingLog() })
  const onFault = (fault: unknown): never => {
    throw fault
  }
  try {
    const { files, blobs } = keeping
    const swept = await sweepFiles({ files, blobs, clock, onFault }, new AbortController().signal)
    await afterwards()
    return swept
  } finally {
    await keeping.close()
  }
}
