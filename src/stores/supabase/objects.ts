// The bytes of files in the project's storage. Names are made from the hash, so that writing one again changes nothing.
import { createHash } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import type { SupabaseConnection } from './connection.ts'
import { DELIVERED, type Delivery } from './delivery.ts'
import { type StorageFailure, type StorageVerdict, storageFault } from './faults.ts'
import { createIdleWatch, type IdleWatch } from './idle-watch.ts'

/** Bytes to be kept. */
export interface ObjectUpload {
  readonly path: string
  readonly chunks: AsyncIterable<Uint8Array>
  readonly mimeType: string
  readonly signal: AbortSignal
}

/** A piece of an object. */
export interface ObjectPiece {
  readonly path: string
  /** First byte, from 0. */
  readonly offset: number
  /** Bytes, fewer when the object ends before. */
  readonly length: number
  readonly signal: AbortSignal
}

/** The objects of the bucket `files`. */
export interface ProjectObjects {
  /** Keeps bytes, in constant memory, however long it takes as long as it moves. Throws only what the chunks throw. */
  upload(upload: ObjectUpload): Promise<Delivery>
  /**
   * Reads a piece. FILE_NOT_FOUND when there is no such object, INTERNAL when the storage does not answer, breaks off or
   * stands still while it is waited for; the signal's reason when that aborts.
   */
  read(piece: ObjectPiece): AsyncGenerator<Uint8Array>
  /** Frees objects; one that is gone already is no fault. */
  remove(paths: readonly string[], signal: AbortSignal): Promise<Delivery>
}

const BUCKET = 'files'
/** A year: what an object is named after never changes. */
const CACHE_SECONDS = '31536000'
const MIME = /^[\w.+-]+\/[\w.+-]+$/

/**
 * Where the bytes of a tenant lie. Storage takes few letters, so a tenant whose name has others has a folder that is named
 * by a hash; `tenant_folder` in the migrations says the same.
 */
export function objectPath(tenant: string, blobKey: string): string {
  const folder = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(tenant)
    ? tenant
    : `t-${createHash('sha256').update(tenant).digest('hex')}`
  return `${folder}/${blobKey.slice(0, 2)}/${blobKey}`
}

/** Makes the way to the objects of a project. */
export function createProjectObjects(connection: SupabaseConnection): ProjectObjects {
  const { client, idleTimeoutMs, answerTimeoutMs } = connection
  const bucket = () => client.storage.from(BUCKET)

  return {
    async upload({ path, chunks, mimeType, signal }) {
      const watch = createIdleWatch(idleTimeoutMs, signal)
      const source = watched(chunks, watch)
      try {
        const { value } = await connection.run(
          () =>
            bucket().upload(path, ReadableStream.from(source.chunks), {
              upsert: true,
              contentType: MIME.test(mimeType) ? mimeType : 'application/octet-stream',
              cacheControl: CACHE_SECONDS,
            }),
          { signal: watch.signal },
        )
        const broken = source.broken()
        if (broken !== undefined) throw broken.error
        return value.error === null ? DELIVERED : delivery(storageFault(value.error))
      } finally {
        watch.rest()
        source.end()
      }
    },

    async *read({ path, offset, length, signal }) {
      if (length <= 0) return
      const watch = createIdleWatch(idleTimeoutMs, signal)
      try {
        const { value, status } = await connection.run(
          () =>
            bucket()
              .setHeader('range', `bytes=${offset}-${offset + length - 1}`)
              .download(path)
              .asStream(),
          { signal: watch.signal },
        )
        if (value.error !== null) throw unreadable(value.error)
        // Passed on as it is, the beginning of the file would stand where its middle was asked for.
        if (status !== 206)
          throw new GatewayError('INTERNAL', 'the file storage ignored the range it was asked for')
        for await (const chunk of value.data) {
          watch.rest()
          yield chunk
          watch.moved()
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (error instanceof GatewayError) throw error
        throw new GatewayError('INTERNAL', 'the file storage broke off', { cause: error })
      } finally {
        watch.rest()
      }
    },

    async remove(paths, signal) {
      const { value } = await connection.run(() => bucket().remove([...paths]), {
        signal,
        timeoutMs: answerTimeoutMs,
      })
      return value.error === null ? DELIVERED : delivery(storageFault(value.error))
    },
  }
}

/** The chunks, seen by the watch, and what their source threw, which the client would hide among its own faults. */
function watched(source: AsyncIterable<Uint8Array>, watch: IdleWatch) {
  let thrown: { readonly error: unknown } | undefined
  async function* through(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of source) {
        yield chunk
        watch.moved()
      }
    } catch (error) {
      thrown = { error }
      throw error
    }
  }
  const chunks = through()
  return {
    chunks,
    broken: () => thrown,
    /** Closes the source: after a broken connection undici would go on reading it to its end. */
    end(): void {
      void Promise.allSettled([chunks.return(undefined)])
    },
  }
}

// What is to be written or removed and is not there is no answer that a storage gives; if it does, it is in trouble.
function delivery(verdict: StorageVerdict): Delivery {
  if (verdict.type !== 'missing') return verdict
  return { type: 'unavailable', because: 'trouble', code: 'NoSuchKey', message: 'the object is missing' }
}

function unreadable(failure: StorageFailure): GatewayError {
  return storageFault(failure).type === 'missing'
    ? new GatewayError('FILE_NOT_FOUND', 'the bytes of this file are gone')
    : new GatewayError('INTERNAL', 'the file storage did not give the bytes', { cause: failure })
}
