// The objects of the storage double: bytes in files of a temporary folder, so that a test may store what does not fit in memory.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { refusals } from './storage-error.ts'

/** One object as it lies there. */
export type StoredObject = {
  readonly id: string
  readonly bucket: string
  readonly name: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly contentType: string
  readonly cacheControl: string
  readonly storedAt: Date
  readonly path: string
}

/** A request to keep bytes under a name. */
export type Put = Pick<StoredObject, 'bucket' | 'name' | 'contentType' | 'cacheControl'> & {
  readonly bytes: Readable
  /** What happens when there is one already. */
  readonly existing: 'replace' | 'refuse'
  readonly maxBytes: number
}

/** All objects. */
export type StorageObjects = {
  get(bucket: string, name: string): StoredObject | undefined
  all(): readonly StoredObject[]
  /** Keeps the bytes when they have all come; a broken upload leaves nothing. */
  put(put: Put): Promise<StoredObject>
  remove(bucket: string, name: string): Promise<StoredObject | undefined>
  /** The bytes from one place to another, the last one included. */
  read(object: StoredObject, first: number, last: number): Readable
  clear(): Promise<void>
}

/** Makes an empty set; `clear` removes its folder. */
export async function createStorageObjects(): Promise<StorageObjects> {
  const folder = await mkdtemp(join(tmpdir(), 'exai-storage-'))
  const objects = new Map<string, StoredObject>()
  const keyOf = (bucket: string, name: string): string => `${bucket}/${name}`

  return {
    get: (bucket, name) => objects.get(keyOf(bucket, name)),
    all: () => [...objects.values()],
    async put({ bytes, existing, maxBytes, ...object }) {
      const key = keyOf(object.bucket, object.name)
      if (existing === 'refuse' && objects.has(key)) throw refusals.exists()
      const id = randomUUID()
      const path = join(folder, id)
      const hash = createHash('sha256')
      let sizeBytes = 0
      try {
        await pipeline(
          bytes,
          async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of chunks) {
              sizeBytes += chunk.length
              if (sizeBytes > maxBytes) throw refusals.tooLarge()
              hash.update(chunk)
              yield chunk
            }
          },
          createWriteStream(path),
        )
      } catch (error) {
        await rm(path, { force: true })
        throw error
      }
      const old = objects.get(key)
      const stored = { ...object, id, sizeBytes, sha256: hash.digest('hex'), storedAt: new Date(), path }
      objects.set(key, stored)
      if (old !== undefined) await rm(old.path, { force: true })
      return stored
    },
    async remove(bucket, name) {
      const old = objects.get(keyOf(bucket, name))
      objects.delete(keyOf(bucket, name))
      if (old !== undefined) await rm(old.path, { force: true })
      return old
    },
    read: (object, start, end) => createReadStream(object.path, { start, end }),
    clear: () => rm(folder, { recursive: true, force: true }),
  }
}
