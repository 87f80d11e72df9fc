// The way of a file into the store: its bytes first, and its row only when they are safe.
import type { UploadFileHeader, UploadFileRequest } from '#gen/exai/v1/files_service_pb'
import type { Blobs, KeptBlob } from '../core/blobs.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Files, StoredFile } from '../core/files.ts'
import { newId } from '../core/ids.ts'
import type { UploadPlan } from './upload-fields.ts'
import { checkGrowth, overQuota, watchBytes } from './watched-bytes.ts'

/** What tenants may store. */
export interface StoreLimits {
  /** The most bytes of one file, at least 1. */
  readonly fileBytesMax: number
  /** The most bytes of a tenant, each content counted once. Absent: any. */
  readonly quotaBytes?: number | undefined
  /** When a file expires whose uploader does not say, in milliseconds after its upload. Absent: never. */
  readonly ttlMs?: number | undefined
}

/** What files are stored with. */
export interface UploadDeps {
  readonly files: Pick<Files, 'add' | 'usedBytes' | 'list'>
  readonly blobs: Pick<Blobs, 'put' | 'remove'>
  readonly clock: Clock
  readonly limits: StoreLimits
  /** Whether the text of files of a type will be read. */
  readonly hasText: (mimeType: string) => boolean
}

/** Stores a file. Throws INVALID_REQUEST or STORAGE_FULL, and whatever its bytes end with; then nothing of it stays. */
export async function storeFile(
  call: Call,
  plan: UploadPlan,
  bytes: AsyncIterable<Uint8Array>,
  deps: UploadDeps,
): Promise<StoredFile> {
  const { blobs, clock, limits } = deps
  const rules = { bytesMax: limits.fileBytesMax, quotaBytes: limits.quotaBytes, sizeBytes: plan.sizeBytes }
  if (plan.sizeBytes !== undefined) {
    checkGrowth(plan.sizeBytes, rules)
    await checkRoom(call, plan, deps)
  }
  const watched = watchBytes(bytes, { ...rules, mimeType: plan.mimeType, signal: call.signal })
  let final = plan
  const kept = await blobs.put(watched.chunks, ({ sha256 }) => {
    // A caller who has left must find nothing; from here on the file is kept.
    call.signal.throwIfAborted()
    final = plan.amended?.() ?? plan
    if (final.sha256 !== '' && final.sha256 !== sha256)
      throw new GatewayError(
        'INVALID_REQUEST',
        `sha256 is ${final.sha256}, and that of the bytes is ${sha256}`,
      )
    final.expiresAt(clock.now())
  })
  const stored = await addRow(call, final, kept, watched.mimeType(), deps)
  // The tenant has had the same bytes: these are needed by nobody.
  if (stored.blobKey !== kept.key) await blobs.remove(kept.key).catch(() => false)
  return stored
}

async function addRow(
  call: Call,
  plan: UploadPlan,
  { key, sha256, sizeBytes }: KeptBlob,
  mimeType: string,
  { files, blobs, clock, limits, hasText }: UploadDeps,
): Promise<StoredFile> {
  try {
    const createdAt = clock.now()
    const expiresAt = plan.expiresAt(createdAt)
    return await files.add({
      id: newId('file', createdAt),
      tenant: call.caller.tenant,
      filename: plan.filename,
      mimeType,
      sizeBytes,
      sha256,
      blobKey: key,
      createdAt,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      metadata: plan.metadata,
      purpose: plan.purpose,
      text: { state: hasText(mimeType) ? 'pending' : 'none' },
      ...(limits.quotaBytes === undefined ? {} : { quotaBytes: limits.quotaBytes }),
    })
  } catch (error) {
    const { reason } = GatewayError.from(error)
    // Only these say for certain that there is no row; bytes without one are swept later in any case.
    if (reason === 'STORAGE_FULL' || reason === 'INVALID_REQUEST') await blobs.remove(key).catch(() => false)
    throw error
  }
}

/** Refuses what cannot fit before its bytes are sent. Bytes that the tenant has already need no room. */
async function checkRoom(
  call: Call,
  { sizeBytes = 0, sha256 }: UploadPlan,
  { files, limits }: UploadDeps,
): Promise<void> {
  const { quotaBytes } = limits
  const { tenant } = call.caller
  if (quotaBytes === undefined || (await files.usedBytes(tenant)) + sizeBytes <= quotaBytes) return
  const same = sha256 === '' ? [] : (await files.list({ tenant, sha256, limit: 1 })).items
  if (same.length === 0) throw overQuota(quotaBytes)
}

/** The header of an upload and, behind it, its bytes. Whoever takes the bytes reads them to their end, or lets go of them. */
export async function openUpload(
  messages: AsyncIterable<UploadFileRequest>,
): Promise<{ readonly header: UploadFileHeader; readonly bytes: AsyncIterable<Uint8Array> }> {
  const iterator = messages[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) throw invalid('the upload is empty: send a header first, and then chunks')
  const { piece } = first.value
  if (piece.case !== 'header') throw invalid('the first message of an upload must be its header')

  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for (let number = 2; ; number += 1) {
        const next = await iterator.next()
        if (next.done === true) return
        const { piece: chunk } = next.value
        if (chunk.case === 'header')
          throw invalid(`message ${number} of the upload is a second header: send chunks`)
        if (chunk.case === undefined) throw invalid(`message ${number} of the upload has no chunk`)
        if (chunk.value.byteLength > 0) yield chunk.value
      }
    } finally {
      await iterator.return?.()
    }
  }
  return { header: piece.value, bytes: bytes() }
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
