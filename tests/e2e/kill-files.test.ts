// The service as a process that is killed with -9 in the middle of uploads and deletes: afterwards what was acknowledged is
// there, no bytes are left that belong to nobody, and no file is left without its bytes.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { countStore, numberIn } from '../support/chaos-count.ts'
import type { AcknowledgedFile } from '../support/chaos-files.ts'
import { failureOf, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { sweepLater } from '../support/sweep-later.ts'

const CHUNK = randomBytes(64 * 1024)
const NOTHING = { lostFiles: 0, undeletedFiles: 0, filesWithoutBytes: 0, orphans: 0, twice: 0 }

const clientOf = ({ url }: Service) => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return createClient(FilesService, speech.open(url))
}

async function* pieces(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  const header = { filename: 'a.bin', mimeType: 'application/octet-stream' }
  yield { piece: { case: 'header' as const, value: header } }
  for await (const value of chunks) yield { piece: { case: 'chunk' as const, value } }
}

/** A folder, and services that are started on it one after the other. */
async function machine() {
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-kill-files-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const told: AcknowledgedFile[] = []
  return {
    dataDir,
    /** What clients were told. */
    told,
    async start(): Promise<Service> {
      const service = await startService({ DATA_DIR: dataDir, OPENAI_API_KEY: 'test-key' })
      onTestFinished(async () => void (await service.stop('SIGKILL')))
      return service
    },
    /** Uploads a file of so many chunks that is like no other. */
    async upload(service: Service, chunks: number): Promise<AcknowledgedFile> {
      const own = [randomBytes(16), ...Array.from({ length: chunks }, () => CHUNK)]
      const { file } = await clientOf(service).uploadFile(pieces(own))
      const sha256 = createHash('sha256').update(Buffer.concat(own)).digest('hex')
      const kept = { id: file?.id ?? '', sha256, sizeBytes: Number(file?.sizeBytes), isDeleted: false }
      told.push(kept)
      return kept
    },
    /** How large the bytes of uploads are that have not ended. */
    async comingBytes(): Promise<readonly number[]> {
      const folder = join(dataDir, 'blobs', 'coming')
      return Promise.all((await readdir(folder)).map(async name => (await stat(join(folder, name))).size))
    },
    rows: () => numberIn(dataDir, 'SELECT count(*) FROM files'),
    count: () => countStore(dataDir, { answers: [], files: told }),
  }
}

describe('after kill -9', () => {
  it('in the middle of an upload its bytes are swept, there is no file, and the next upload is whole', async () => {
    const { dataDir, start, upload, comingBytes, rows, count } = await machine()
    const one = await start()
    const hold = Promise.withResolvers<void>()
    async function* unfinished() {
      for (let number = 0; number < 32; number += 1) yield CHUNK
      await hold.promise
    }
    const cut = failureOf(clientOf(one).uploadFile(pieces(unfinished())))
    await until(async () => (await comingBytes()).some(size => size > CHUNK.length))
    await one.stop('SIGKILL')
    await cut
    hold.resolve()
    expect(await comingBytes()).toHaveLength(1)
    expect(rows()).toBe(0)

    const two = await start()
    const { files } = await clientOf(two).listFiles({})
    expect(files).toEqual([])
    await upload(two, 3)
    await two.stop()
    expect(await sweepLater({ dataDir })).toMatchObject({ broken: 1, orphans: 0, freed: 0 })
    expect(await count()).toMatchObject(NOTHING)
    expect(rows()).toBe(1)
  })

  it('at any moment of uploads those that were acknowledged are whole, and of the others nothing half is left', async () => {
    const { dataDir, told, start, upload, count } = await machine()
    const one = await start()
    const uploads = Promise.allSettled(Array.from({ length: 30 }, (_, number) => upload(one, number * 2)))
    await until(() => told.length >= 8)
    await one.stop('SIGKILL')
    await uploads
    expect(told.length).toBeLessThan(30)

    const two = await start()
    for (const { id, sha256 } of told) {
      const hash = createHash('sha256')
      for await (const { chunk } of clientOf(two).downloadFile({ fileId: id })) hash.update(chunk)
      expect(hash.digest('hex')).toBe(sha256)
    }
    await two.stop()
    await sweepLater({ dataDir })
    expect(await count()).toMatchObject(NOTHING)
  })

  it('in the middle of deletes those that were acknowledged are gone with their bytes, and the others are whole', async () => {
    const { dataDir, told, start, upload, rows, count } = await machine()
    const one = await start()
    for (let number = 0; number < 40; number += 1) await upload(one, 1)
    const before = [...told]
    let gone = 0
    const deletes = Promise.allSettled(
      before.map(async file => {
        await clientOf(one).deleteFile({ fileId: file.id })
        file.isDeleted = true
        gone += 1
      }),
    )
    await until(() => gone >= 5)
    await one.stop('SIGKILL')
    await deletes
    // Nobody knows of a delete without an answer whether it happened: it may be there, whole, or gone, whole.
    const left = rows()
    told.splice(0, told.length, ...before.filter(({ isDeleted }) => isDeleted))
    expect(left).toBeLessThanOrEqual(before.length - gone)

    const two = await start()
    const { files } = await clientOf(two).listFiles({ pageSize: 100 })
    expect(files).toHaveLength(left)
    await two.stop()
    const { freed } = await sweepLater({ dataDir })
    expect(freed).toBe(before.length - left)
    expect(await count()).toMatchObject(NOTHING)
  })
})
