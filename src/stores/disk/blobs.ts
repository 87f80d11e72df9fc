// Bytes on disk: written under a passing name while they are hashed, and renamed to their hash when they are whole and safe.
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, opendir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobFacts, Blobs } from '../../core/blobs.ts'
import { GatewayError } from '../../core/errors.ts'
import { LENT_BYTES_MAX, lend } from '../../core/lent-bytes.ts'

const KEY = /^[0-9a-f]{64}-[0-9a-f]{16}$/

/** Opens a folder of blobs, and makes it when there is none. Several processes may share it. */
export async function openDiskBlobs(folder: string): Promise<Blobs> {
  const coming = join(folder, 'coming')
  const kept = join(folder, 'kept')
  await translated(async () => {
    await mkdir(coming, { recursive: true })
    await mkdir(kept, { recursive: true })
    await syncFolder(folder)
  })
  // Two hexadecimal digits of the hash: no folder gets too many files.
  const folderOf = (key: string): string => join(kept, key.slice(0, 2))
  const pathOf = (key: string): string => join(folderOf(key), key)

  return {
    async put(chunks, check) {
      const path = join(coming, randomBytes(16).toString('hex'))
      try {
        const facts = await write(path, chunks)
        check?.(facts)
        const key = `${facts.sha256}-${randomBytes(8).toString('hex')}`
        await translated(async () => {
          const made = await mkdir(folderOf(key), { recursive: true })
          await rename(path, pathOf(key))
          await syncFolder(folderOf(key))
          if (made !== undefined) await syncFolder(kept)
        })
        return { ...facts, key }
      } catch (error) {
        // The fault that matters is the first one; what cannot be removed now is swept later.
        await remove(path).catch(() => false)
        throw error
      }
    },

    async *read(key, offset, length) {
      const handle = KEY.test(key) ? await ifThere(() => open(pathOf(key), 'r')) : undefined
      if (handle === undefined) throw new GatewayError('FILE_NOT_FOUND', 'the bytes of this file are gone')
      try {
        const end = offset + length
        for (let position = offset; position < end; ) {
          const buffer = lend(Math.min(LENT_BYTES_MAX, end - position))
          const { bytesRead } = await translated(() => handle.read(buffer, 0, buffer.length, position))
          if (bytesRead === 0) return
          position += bytesRead
          yield bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead)
        }
      } finally {
        await handle.close()
      }
    },

    remove: key => (KEY.test(key) ? remove(pathOf(key)) : Promise.resolve(false)),

    async *list() {
      for await (const { name: prefix } of await opendir(kept)) {
        for await (const { name } of await opendir(join(kept, prefix))) {
          const facts = await factsOf(join(kept, prefix, name))
          if (facts !== undefined && KEY.test(name)) yield { key: name, ...facts }
        }
      }
    },

    async sweep(unchangedSince) {
      let swept = 0
      for await (const { name } of await opendir(coming)) {
        const facts = await factsOf(join(coming, name))
        if (facts === undefined || facts.modifiedAt > unchangedSince) continue
        if (await remove(join(coming, name))) swept += 1
      }
      return swept
    },
  }
}

async function write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<BlobFacts> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const handle = await translated(() => open(path, 'wx', 0o600))
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      sizeBytes += chunk.length
      await translated(() => writeAll(handle, chunk))
    }
    await translated(() => handle.sync())
  } finally {
    await handle.close()
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}

/** A disk that is nearly full takes a part of what it is given before it refuses. */
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await handle.write(chunk, written, chunk.length - written)).bytesWritten
  }
}

/** A new name is safe once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function remove(path: string): Promise<boolean> {
  return (await ifThere(() => unlink(path).then(() => true))) ?? false
}

async function factsOf(path: string): Promise<{ sizeBytes: number; modifiedAt: number } | undefined> {
  const stats = await ifThere(() => stat(path))
  return stats && { sizeBytes: stats.size, modifiedAt: stats.mtimeMs }
}

/** Undefined when there is no such file. */
async function ifThere<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw errorOf(error)
  }
}

async function translated<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw errorOf(error)
  }
}

function errorOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new GatewayError('STORAGE_FULL', 'the disk is full: free space where DATA_DIR is', { cause: error })
    : new GatewayError('INTERNAL', 'the disk failed', { cause: error })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
