// A large file up and down again: the memory of the server stays where it was.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { expect, test } from 'vitest'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { startChild } from '../../../support/child.ts'
import { ownFolder } from '../../../support/store-rig.ts'
import { root } from '../../../support/tools.ts'
import { until } from './harness.ts'

const MIB = 1024 * 1024
const CHUNK_BYTES = 256 * 1024
/** How much more garbage may lie about; a server that kept the files would need 64 MiB more for the second one. */
const GROWTH_MAX_BYTES = 48 * MIB

/** The most memory that a process ever had. */
async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

test('128 MiB go up and down through gRPC without being held in memory', async () => {
  const folder = await ownFolder()
  const script = `${root}/tests/unit/doors/connect/files-server.ts`
  const child = await startChild(process.execPath, [script, folder.path])
  try {
    await until(() => child.output().includes('\n'))
    const client = createClient(FilesService, createGrpcTransport({ baseUrl: child.output().trim() }))
    const both = async (sizeBytes: number): Promise<void> => {
      const sent = createHash('sha256')
      async function* pieces() {
        yield { piece: { case: 'header', value: { filename: 'a.bin' } } } as const
        for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
          const value = Buffer.alloc(CHUNK_BYTES, String(at))
          sent.update(value)
          yield { piece: { case: 'chunk', value } } as const
        }
      }
      const { file } = await client.uploadFile(pieces())
      const came = createHash('sha256')
      for await (const { chunk } of client.downloadFile({ fileId: file?.id ?? '' })) came.update(chunk)
      const digest = sent.digest('hex')
      expect(file).toMatchObject({ sizeBytes: BigInt(sizeBytes), sha256: digest })
      expect(came.digest('hex')).toBe(digest)
    }
    // Whatever is needed for the first file is needed once, and so is the place of what is not collected yet.
    await both(64 * MIB)
    const before = await peakBytes(child.pid)
    await both(128 * MIB)
    expect((await peakBytes(child.pid)) - before).toBeLessThan(GROWTH_MAX_BYTES)
  } finally {
    await child.stop('SIGTERM')
    await folder.remove()
  }
}, 60_000)
