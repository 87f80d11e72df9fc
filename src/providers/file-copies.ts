// Copies of files at one account of a provider: made once for everybody, waited for while another makes one, and made again when lost.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FileGiving } from '../core/chat-files.ts'
import { GatewayError } from '../core/errors.ts'
import type { CopyKey, StoredFile } from '../core/files.ts'
import type { FileApi, RemoteFile } from './file-api.ts'

/** Where a copy is to be. */
export interface CopyPlace {
  /** Id of the provider. */
  readonly provider: string
  readonly account: string
  readonly api: FileApi
  readonly giving: FileGiving
}

/** A copy that can be used. */
export interface FileCopy {
  readonly key: CopyKey
  readonly remote: RemoteFile
  /** Whether it was made before: then the provider may have lost it. */
  readonly isRemembered: boolean
}

/** Shortest time that an upload may take, and how much more for its size: 250 bytes a millisecond are 2 Mbit a second. */
const UPLOAD_MS = 60_000
const BYTES_PER_MS = 250
/** The longest: that of a call (REQUEST_TIMEOUT). */
const UPLOAD_MS_MAX = 600_000
/** How much longer than the upload its lease is, so that nobody else begins while it may still succeed. */
const LEASE_SPARE_MS = 10_000
/** Between two looks at a copy that another makes, in milliseconds. */
const LOOK_MS = { first: 50, most: 1000 } as const
const GROWTH = 1.5
/** How long a copy is looked at or deleted aside from a call, in milliseconds. */
const ASIDE_MS = 10_000

/**
 * The copy of a file, made if there is none. Throws FILE_NOT_FOUND when the bytes are not here, UNSUPPORTED when a copy for
 * another purpose is in its place, what the upload fails with, and the signal's reason.
 */
export async function copyOf(
  file: StoredFile,
  purpose: string,
  place: CopyPlace,
  signal: AbortSignal,
): Promise<FileCopy> {
  const copy = await copyIfNeeded(file, purpose, place, signal, async () => true)
  if (copy === undefined) throw new GatewayError('INTERNAL', `no copy of ${file.id} was made`)
  return copy
}

/** The same; `isNeeded` is asked once the right to make it is there, and undefined says that it was not needed any more. */
export async function copyIfNeeded(
  file: StoredFile,
  purpose: string,
  place: CopyPlace,
  signal: AbortSignal,
  isNeeded: () => Promise<boolean>,
): Promise<FileCopy | undefined> {
  const { provider, account, giving } = place
  const key: CopyKey = { blobKey: file.blobKey, provider, account }
  const uploadMs = Math.min(UPLOAD_MS + file.sizeBytes / BYTES_PER_MS, UPLOAD_MS_MAX)
  for (let waitMs: number = LOOK_MS.first; ; waitMs = Math.min(waitMs * GROWTH, LOOK_MS.most)) {
    signal.throwIfAborted()
    const claim = await giving.claimCopy(key, Math.ceil(uploadMs + LEASE_SPARE_MS))
    switch (claim.state) {
      case 'ready': {
        const remote = remoteOf(claim.remoteId)
        if (remote.purpose !== purpose) throw otherPurpose(provider, remote.purpose)
        return { key, remote, isRemembered: true }
      }
      case 'ours': {
        const remote = await make(key, file, purpose, place, { signal, uploadMs, isNeeded })
        return remote && { key, remote, isRemembered: false }
      }
      case 'gone':
        throw new GatewayError('FILE_NOT_FOUND', `the bytes of ${file.id} are not here: upload it again`, {
          against: 'nobody',
        })
      case 'busy':
        // Spread, so that many who wait do not ask all at once.
        await pause(waitMs * (1 + Math.random() / 2), signal)
        break
      default:
        return claim satisfies never
    }
  }
}

interface Making {
  readonly signal: AbortSignal
  readonly uploadMs: number
  readonly isNeeded: () => Promise<boolean>
}

async function make(
  key: CopyKey,
  file: StoredFile,
  purpose: string,
  { provider, api, giving }: CopyPlace,
  { signal, uploadMs, isNeeded }: Making,
): Promise<RemoteFile | undefined> {
  const limit = AbortSignal.timeout(Math.ceil(uploadMs))
  const within = AbortSignal.any([signal, limit])
  let sent: RemoteFile | undefined
  try {
    if (!(await isNeeded())) {
      await giving.dropCopy(key)
      return undefined
    }
    const { filename, mimeType, sizeBytes } = file
    const bytes = giving.read(file)
    const made = await api.upload({ filename, mimeType, sizeBytes, purpose, bytes, signal: within })
    sent = made
    if (!made.ready) await api.waitReady(made, within)
    signal.throwIfAborted()
    await giving.keepCopy(key, { remoteId: remoteIdOf(made) })
    return made
  } catch (error) {
    // Where even that fails, as on a full disk, the lease ends by itself.
    await giving.dropCopy(key).catch(() => undefined)
    // Nobody would ever find it again.
    if (sent !== undefined) await tryDelete(api, sent)
    signal.throwIfAborted()
    if (limit.aborted) throw late(provider, uploadMs, error)
    throw error
  }
}

/** Forgets those of the remembered copies that the provider has no more, and says whether there were any. Throws nothing. */
export async function forgetLost(
  copies: readonly FileCopy[],
  { api, giving }: Pick<CopyPlace, 'api' | 'giving'>,
  signal: AbortSignal,
): Promise<boolean> {
  let hasLost = false
  for (const { key, remote, isRemembered } of copies) {
    if (!isRemembered || !(await isLost(api, remote, signal))) continue
    try {
      // Another attempt may have found the same, and made a new one meanwhile.
      const claim = await giving.claimCopy(key, 1)
      const isOld = claim.state === 'ready' && claim.remoteId === remoteIdOf(remote)
      if (isOld || claim.state === 'ours') await giving.dropCopy(key)
      hasLost = true
    } catch {
      // As long as it is remembered, to ask again would end in the same refusal.
    }
  }
  return hasLost
}

async function isLost(api: FileApi, remote: RemoteFile, signal: AbortSignal): Promise<boolean> {
  try {
    await api.waitReady(remote, AbortSignal.any([signal, AbortSignal.timeout(ASIDE_MS)]))
    return false
  } catch (error) {
    // Whatever else went wrong says nothing about the file.
    return error instanceof GatewayError && error.reason === 'FILE_NOT_FOUND'
  }
}

/** Deletes a copy and forgets it. One that cannot be deleted now stays known, for whoever sweeps. Throws nothing. */
export async function discard({ key, remote }: FileCopy, { api, giving }: CopyPlace): Promise<void> {
  if (!(await tryDelete(api, remote))) return
  // What is forgotten too late is found gone by whoever sweeps.
  await giving.dropCopy(key).catch(() => undefined)
}

async function tryDelete(api: FileApi, remote: RemoteFile): Promise<boolean> {
  try {
    await api.delete(remote, AbortSignal.timeout(ASIDE_MS))
    return true
  } catch {
    // It is a courtesy to the account: the call does not depend on it.
    return false
  }
}

/** How a copy is remembered: some providers ask for the purpose again when it is listed or deleted. */
export function remoteIdOf({ purpose, id }: RemoteFile): string {
  return `${purpose}:${id}`
}

/** What `remoteIdOf` was made of. */
export function remoteOf(remoteId: string): RemoteFile {
  const at = remoteId.indexOf(':')
  return { purpose: remoteId.slice(0, Math.max(at, 0)), id: remoteId.slice(at + 1) }
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal })
  } catch {
    // Only the signal ends it early.
    throw signal.reason
  }
}

function otherPurpose(provider: string, purpose: string): GatewayError {
  return new GatewayError('UNSUPPORTED', `${provider} has the same bytes as a file for ${purpose}`, {
    provider,
    against: 'nobody',
  })
}

function late(provider: string, uploadMs: number, cause: unknown): GatewayError {
  const seconds = Math.ceil(uploadMs / 1000)
  return new GatewayError('UPSTREAM_UNAVAILABLE', `${provider} did not take the file within ${seconds} s`, {
    provider,
    against: 'nobody',
    cause,
  })
}
