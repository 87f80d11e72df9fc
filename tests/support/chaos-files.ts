// The clients of the chaos that have files: they upload, download and delete, and note what they were told.
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { isPassing, RETRY_MS } from './chaos-calls.ts'
import { type Chance, createChance } from './seeded.ts'

/** A file of which a client was told that it is kept. */
export interface AcknowledgedFile {
  readonly id: string
  readonly sha256: string
  readonly sizeBytes: number
  /** Whether a client was told that it is gone. */
  isDeleted: boolean
}

/** Clients that have files. */
export interface FileLoad {
  readonly files: readonly AcknowledgedFile[]
  /** Downloads that came to their end, every byte as it was uploaded. */
  downloads(): number
  /** Lets each client bring its call to an end. Rejects with what no client should ever be told. */
  stop(): Promise<void>
}

/** The most bytes of a file: 8 MiB. */
const FILE_BYTES_MAX = 2 ** 23
const CHUNK_BYTES = 128 * 1024
/** Milliseconds that a client waits after each call. */
const PAUSE_MS = 50
/** A large file takes its time on a busy machine. */
const CALL_MS = 30_000
/** Files that a client has before it rather deletes one. */
const FILES_MAX = 60

interface Content {
  readonly bytes: Uint8Array
  readonly sha256: string
}

/** Starts one client for each way to speak. */
export function startFiles(transports: readonly (() => Transport)[], seed: number): FileLoad {
  // Contents are pieces of it behind a number of their own.
  const noise = randomBytes(FILE_BYTES_MAX)
  const files: AcknowledgedFile[] = []
  let contents = 0
  let downloads = 0
  let isOver = false

  function newContent(chance: Chance): Content {
    // As many small files as large ones.
    const length = Math.min(FILE_BYTES_MAX, 8 + chance.below(2 ** (1 + chance.below(23))))
    const bytes = new Uint8Array(noise.subarray(0, length))
    contents += 1
    Buffer.from(bytes.buffer).writeUInt32BE(contents, 0)
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
  }

  async function upload(client: () => FileClient, { bytes, sha256 }: Content): Promise<AcknowledgedFile> {
    const { file } = await again(() => client().uploadFile(piecesOf(bytes), { timeoutMs: CALL_MS }))
    if (file?.sha256 !== sha256) throw new Error(`${file?.id} was acknowledged with another hash`)
    return { id: file.id, sha256, sizeBytes: bytes.length, isDeleted: false }
  }

  async function run(number: number, client: () => FileClient): Promise<void> {
    const chance = createChance(seed * 100 + number)
    const mine: AcknowledgedFile[] = []
    let content = newContent(chance)
    while (!isOver) {
      const file = mine[chance.below(Math.max(1, mine.length))]
      const choice = mine.length > FILES_MAX ? 9 : chance.below(10)
      if (file === undefined || choice < 5) {
        // The same bytes once more are another file.
        if (choice > 0) content = newContent(chance)
        const kept = await upload(client, content)
        files.push(kept)
        mine.push(kept)
      } else if (choice < 8) {
        const hash = await again(() => downloaded(client(), file.id))
        if (hash !== file.sha256) throw new Error(`${file.id} came with other bytes than it was sent with`)
        downloads += 1
      } else {
        mine.splice(mine.indexOf(file), 1)
        await remove(client, file.id)
        file.isDeleted = true
      }
      await sleep(PAUSE_MS)
    }
  }

  const runs = Promise.all(
    transports.map((transport, number) => run(number, () => createClient(FilesService, transport()))),
  )
  // Told at the end; until then nobody listens.
  runs.catch(() => undefined)
  return {
    files,
    downloads: () => downloads,
    async stop() {
      isOver = true
      await runs
    },
  }
}

type FileClient = ReturnType<typeof createClient<typeof FilesService>>

/** After a failure it may be gone already: then nobody has it. */
async function remove(client: () => FileClient, fileId: string): Promise<void> {
  let tries = 0
  await again(async () => {
    tries += 1
    try {
      await client().deleteFile({ fileId }, { timeoutMs: CALL_MS })
    } catch (caught) {
      if (tries === 1 || ConnectError.from(caught).code !== Code.NotFound) throw caught
    }
  })
}

async function downloaded(client: FileClient, fileId: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const { chunk } of client.downloadFile({ fileId }, { timeoutMs: CALL_MS })) hash.update(chunk)
  return hash.digest('hex')
}

async function again<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await call()
    } catch (caught) {
      if (!(caught instanceof ConnectError && isPassing(caught))) throw caught
      await sleep(RETRY_MS)
    }
  }
}

async function* piecesOf(bytes: Uint8Array) {
  const header = { filename: 'chaos.bin', mimeType: 'application/octet-stream' }
  yield { piece: { case: 'header' as const, value: header } }
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
    yield { piece: { case: 'chunk' as const, value: bytes.subarray(at, at + CHUNK_BYTES) } }
}
