// What a start with several workers should know of its configuration.
import type { SettingValues } from './settings.ts'
import type { Snapshot } from './snapshot.ts'

/** What every process counts for itself allows more with several of them. */
export function workerNotices(
  { WORKERS: workers }: Pick<SettingValues, 'WORKERS'>,
  { limits, providers }: Pick<Snapshot, 'limits' | 'providers'>,
): readonly string[] {
  const isLimited =
    limits.length > 0 ||
    providers.some(
      one => one.kind !== 'sandbox' && one.keys.some(({ maxConcurrent }) => maxConcurrent !== undefined),
    )
  if (workers === 1 || !isLimited) return []
  return [
    `max_concurrent counts in each of the ${workers} workers: all of them together may ask so many times as much`,
  ]
}
