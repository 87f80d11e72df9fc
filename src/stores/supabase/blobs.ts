// Reads the bytes of files from the project's storage by the key under which this service knows them.
import type { Blobs } from '../../core/blobs.ts'
import { GatewayError } from '../../core/errors.ts'
import type { SupabaseConnection } from './connection.ts'
import { createProjectObjects } from './objects.ts'
import { readRows } from './reads.ts'

/** Makes the reading part of the port. INTERNAL when the project does not answer, FILE_NOT_FOUND when it has no such bytes. */
export function createSupabaseBlobs(connection: SupabaseConnection): Pick<Blobs, 'read'> {
  const objects = createProjectObjects(connection)
  return {
    async *read(key, offset, length) {
      const [row] = await readRows(connection, () =>
        connection.client.from('file_blobs').select('object_path,size_bytes').eq('blob_key', key),
      )
      const path = String(row?.['object_path'] ?? '')
      if (path === '')
        throw new GatewayError('FILE_NOT_FOUND', 'the bytes of the file are not there any more')
      // A storage refuses a range that begins at the end or behind it.
      const left = Number(row?.['size_bytes']) - offset
      if (left <= 0) return
      // Whoever stops reading ends the request.
      const leaving = new AbortController()
      try {
        yield* objects.read({ path, offset, length: Math.min(length, left), signal: leaving.signal })
      } finally {
        leaving.abort(new GatewayError('CANCELLED', 'the reader left'))
      }
    },
  }
}
