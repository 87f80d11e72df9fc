// Frees what nobody needs any more. Every step can be cut short and done again: what is left is found the next time.
import type { Blobs } from '../core/blobs.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, type Reason } from '../core/errors.ts'
import type { DueBlob, ExpiredFile, Files } from '../core/files.ts'
import type { RemoveCopy } from './remove-copy.ts'

/** How long bytes that belong to nobody stay, in milliseconds: an upload that still runs writes more often than that. */
export const ORPHAN_AGE_MS = 60 * 60 * 1000

const BATCH = 100

/** What is swept with. */
export interface SweepDeps {
  readonly files: Pick<Files, 'expire' | 'due' | 'dropCopy' | 'forget' | 'unknown'>
  readonly blobs: Pick<Blobs, 'remove' | 'list' | 'sweep'>
  readonly clock: Clock
  /** Deletes a copy at a provider. Absent: none is ever made. */
  readonly removeCopy?: RemoveCopy | undefined
  /** Told of each file that had expired. Absent: nobody is. */
  readonly onExpired?: ((file: ExpiredFile) => void) | undefined
  /** Told of what one blob failed with; the others are swept all the same. */
  readonly onFault: (fault: unknown) => void
}

/** What was swept. */
export interface Swept {
  /** Files that had expired. */
  readonly expired: number
  /** Blobs that were freed because their last file is gone. */
  readonly freed: number
  /** Blobs that never got a file. */
  readonly orphans: number
  /** Uploads that were cut off. */
  readonly broken: number
}

/** Sweeps once. Throws the signal's reason, and what the store of the files fails with. */
export async function sweepFiles(deps: SweepDeps, signal: AbortSignal): Promise<Swept> {
  const expired = await expireFiles(deps, signal)
  const freed = await freeDue(deps, signal)
  const since = deps.clock.now() - ORPHAN_AGE_MS
  signal.throwIfAborted()
  const broken = await deps.blobs.sweep(since)
  const orphans = await freeOrphans(deps, since, signal)
  return { expired, freed, orphans, broken }
}

/** Deletes what has expired, in small steps; gives how many files that were. Throws the signal's reason, and what the store fails with. */
export async function expireFiles(
  { files, onExpired }: Pick<SweepDeps, 'files' | 'onExpired'>,
  signal: AbortSignal,
): Promise<number> {
  for (let sum = 0; ; ) {
    signal.throwIfAborted()
    const expired = await files.expire(BATCH)
    for (const file of expired) onExpired?.(file)
    sum += expired.length
    if (expired.length < BATCH) return sum
  }
}

async function freeDue(deps: SweepDeps, signal: AbortSignal): Promise<number> {
  const stuck = new Set<string>()
  const away = new Set<string>()
  for (let freed = 0; ; ) {
    // Those that cannot be freed now stand in front, as the oldest; doubled, so that many of them are not read over and over.
    const due = await deps.files.due(2 * stuck.size + BATCH)
    const fresh = due.filter(({ key }) => !stuck.has(key))
    if (fresh.length === 0) return freed
    for (const blob of fresh) {
      signal.throwIfAborted()
      if (await attempt(deps, signal, () => free(blob, away, deps, signal))) freed += 1
      else stuck.add(blob.key)
    }
  }
}

// What says that the next copy of the same account would fail as well.
const AWAY: ReadonlySet<Reason> = new Set([
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_LIMITED',
  'UPSTREAM_CREDENTIALS',
  'DEADLINE_EXCEEDED',
])

/** The copies first, then the bytes, and their name last: after a crash at any point the name leads back to the rest. */
async function free(
  blob: DueBlob,
  away: Set<string>,
  deps: SweepDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { files, blobs } = deps
  let isFree = true
  for (const copy of blob.copies) {
    const removed = await attempt(deps, signal, () => removeOne(blob.key, copy, away, deps, signal))
    isFree &&= removed
  }
  if (!isFree) return false
  await blobs.remove(blob.key)
  return files.forget(blob.key)
}

/** False when it is not tried: an account that has just failed is asked again in the next sweep. */
async function removeOne(
  blobKey: string,
  { provider, account, remoteId }: DueBlob['copies'][number],
  away: Set<string>,
  { files, removeCopy }: SweepDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const place = JSON.stringify([provider, account])
  if (removeCopy === undefined || away.has(place)) return false
  const copy = { blobKey, provider, account }
  try {
    await removeCopy({ ...copy, remoteId }, signal)
  } catch (fault) {
    if (AWAY.has(GatewayError.from(fault).reason)) away.add(place)
    throw fault
  }
  await files.dropCopy(copy)
  return true
}

async function freeOrphans(deps: SweepDeps, since: number, signal: AbortSignal): Promise<number> {
  let freed = 0
  let batch: string[] = []
  const sweepBatch = async (): Promise<void> => {
    for (const key of batch.length === 0 ? [] : await deps.files.unknown(batch))
      if (await attempt(deps, signal, () => deps.blobs.remove(key))) freed += 1
    batch = []
  }
  for await (const { key, modifiedAt } of deps.blobs.list()) {
    signal.throwIfAborted()
    // A younger one may be about to get its file.
    if (modifiedAt > since) continue
    batch.push(key)
    if (batch.length === BATCH) await sweepBatch()
  }
  await sweepBatch()
  return freed
}

async function attempt(
  { onFault }: SweepDeps,
  signal: AbortSignal,
  run: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await run()
  } catch (fault) {
    signal.throwIfAborted()
    onFault(fault)
    return false
  }
}
