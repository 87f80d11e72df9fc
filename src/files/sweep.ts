// Frees what nobody needs any more. Every step can be cut short and done again: what is left is found the next time.
import type { Blobs } from '../core/blobs.ts'
import type { Clock } from '../core/clock.ts'
import type { CopyKey, DueBlob, Files } from '../core/files.ts'

/** How long bytes that belong to nobody stay, in milliseconds: an upload that still runs writes more often than that. */
export const ORPHAN_AGE_MS = 60 * 60 * 1000

const BATCH = 100

/** What is swept with. */
export interface SweepDeps {
  readonly files: Pick<Files, 'expire' | 'due' | 'dropCopy' | 'forget' | 'unknown'>
  readonly blobs: Pick<Blobs, 'remove' | 'list' | 'sweep'>
  readonly clock: Clock
  /** Deletes a copy at a provider; one that is gone already is no failure. Absent: none is ever made. */
  readonly removeCopy?:
    | ((copy: CopyKey & { readonly remoteId: string }, signal: AbortSignal) => Promise<void>)
    | undefined
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
  const expired = await expireAll(deps, signal)
  const freed = await freeDue(deps, signal)
  const since = deps.clock.now() - ORPHAN_AGE_MS
  signal.throwIfAborted()
  const broken = await deps.blobs.sweep(since)
  const orphans = await freeOrphans(deps, since, signal)
  return { expired, freed, orphans, broken }
}

async function expireAll({ files }: SweepDeps, signal: AbortSignal): Promise<number> {
  for (let sum = 0; ; ) {
    signal.throwIfAborted()
    const expired = await files.expire(BATCH)
    sum += expired
    if (expired < BATCH) return sum
  }
}

async function freeDue(deps: SweepDeps, signal: AbortSignal): Promise<number> {
  const stuck = new Set<string>()
  for (let freed = 0; ; ) {
    // Those that cannot be freed now stand in front, as the oldest.
    const due = await deps.files.due(stuck.size + BATCH)
    const fresh = due.filter(({ key }) => !stuck.has(key))
    if (fresh.length === 0) return freed
    for (const blob of fresh) {
      signal.throwIfAborted()
      if (await attempt(deps, signal, () => free(blob, deps, signal))) freed += 1
      else stuck.add(blob.key)
    }
  }
}

/** The copies first, then the bytes, and their name last: after a crash at any point the name leads back to the rest. */
async function free(blob: DueBlob, deps: SweepDeps, signal: AbortSignal): Promise<boolean> {
  const { files, blobs, removeCopy } = deps
  for (const { provider, account, remoteId } of blob.copies) {
    if (removeCopy === undefined) return false
    const copy = { blobKey: blob.key, provider, account }
    await removeCopy({ ...copy, remoteId }, signal)
    await files.dropCopy(copy)
  }
  await blobs.remove(blob.key)
  return files.forget(blob.key)
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
