// Bytes on their way to the storage and back, against its strict double: whole, in pieces, and when it fails in the middle.
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import {
  createProjectObjects,
  objectPath,
  type ProjectObjects,
} from '../../../../src/stores/supabase/objects.ts'
import { type StorageDouble, startStorage } from '../../../support/storage-double.ts'
import { type Front, startFront } from '../../../support/supabase-front.ts'
import { SERVICE_KEY } from '../../../support/supabase-tokens.ts'

let storage: StorageDouble
let front: Front
let connection: SupabaseConnection
let objects: ProjectObjects

const IDLE_MS = 200
const MAX_BYTES = 8 * 1024 * 1024

beforeAll(async () => {
  storage = await startStorage({ maxBytes: MAX_BYTES })
  front = await startFront({ rest: 1, storage: storage.port })
  connection = await connectSupabase({
    url: front.url,
    key: SERVICE_KEY,
    idleTimeoutMs: IDLE_MS,
    answerTimeoutMs: 500,
  })
  objects = createProjectObjects(connection)
})
afterAll(async () => {
  await connection?.close()
  await front?.stop()
  await storage?.stop()
})
afterEach(() => {
  storage.fault(undefined)
  front.fault(undefined)
})

const never = new AbortController().signal
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
async function* chunksOf(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const upload = (path: string, bytes: Uint8Array, signal = never) =>
  objects.upload({ path, chunks: chunksOf(bytes), mimeType: 'text/plain', signal })
async function read(path: string, offset: number, length: number, signal = never): Promise<Buffer> {
  const found: Uint8Array[] = []
  for await (const chunk of objects.read({ path, offset, length, signal })) found.push(chunk)
  return Buffer.concat(found)
}
const kept = (path: string) => storage.objects().find(({ name }) => name === path)

describe('an upload', () => {
  test('keeps every byte, its type and for how long it may be cached', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 1)
    expect(await upload('acme/aa/whole', bytes)).toEqual({ type: 'delivered' })
    expect(kept('acme/aa/whole')).toMatchObject({
      sha256: hashOf(bytes),
      sizeBytes: bytes.length,
      contentType: 'text/plain',
      cacheControl: 'max-age=31536000',
    })
  })

  test('of nothing at all, and of a type that cannot stand in a header, is an upload', async () => {
    const mimeType = 'text/plain\r\nx-evil: 1'
    expect(
      await objects.upload({
        path: 'acme/aa/none',
        chunks: chunksOf(Buffer.alloc(0)),
        mimeType,
        signal: never,
      }),
    ).toEqual({
      type: 'delivered',
    })
    expect(kept('acme/aa/none')).toMatchObject({ sizeBytes: 0, contentType: 'application/octet-stream' })
  })

  test('that is made again, also several times at once, is no failure', async () => {
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => upload('acme/aa/again', Buffer.from('same'))))
    expect(outcomes.map(({ type }) => type)).toEqual(Array(4).fill('delivered'))
  })

  test('may take as long as it likes while it moves', async () => {
    async function* slowly(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 5; index += 1) {
        await new Promise(resolve => setTimeout(resolve, IDLE_MS / 2))
        yield Buffer.from('tick')
      }
    }
    const slow = { path: 'acme/aa/slow', chunks: slowly(), mimeType: 'text/plain', signal: never }
    expect(await objects.upload(slow)).toEqual({ type: 'delivered' })
  })

  test.each(['hang', 'stall'] as const)('that stands still ends by itself: %s', async type => {
    storage.fault(() => ({ type }))
    const startedAt = performance.now()
    expect(await upload('acme/aa/still', randomBytes(4 * 1024 * 1024))).toMatchObject({
      type: 'unavailable',
      because: 'trouble',
    })
    expect(performance.now() - startedAt).toBeLessThan(2000)
    expect(kept('acme/aa/still')).toBeUndefined()
  })

  test('ends with its signal', async () => {
    storage.fault(() => ({ type: 'hang' }))
    const outcome = await upload('acme/aa/aborted', Buffer.from('x'), AbortSignal.timeout(20))
    expect(outcome).toMatchObject({ type: 'unavailable', because: 'trouble' })
  })

  test('whose source fails leaves nothing there, and the source’s own error is thrown', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(100_000)
      throw new GatewayError('FILE_NOT_FOUND', 'the bytes of this file are gone')
    }
    const cut = { path: 'acme/aa/cut', chunks: broken(), mimeType: 'text/plain', signal: never }
    await expect(objects.upload(cut)).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
    expect(kept('acme/aa/cut')).toBeUndefined()
  })

  test('closes its source when the storage breaks off', async () => {
    let closed = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          await new Promise(resolve => setImmediate(resolve))
          yield Buffer.alloc(64 * 1024)
        }
      } finally {
        closed = true
      }
    }
    front.fault(() => ({ type: 'reset' }))
    const outcome = await objects.upload({
      path: 'acme/aa/reset',
      chunks: endless(),
      mimeType: 'text/plain',
      signal: never,
    })
    expect(outcome).toMatchObject({ type: 'unavailable' })
    await expect.poll(() => closed).toBe(true)
  })

  test('that is too large, or has a name of other letters, is refused for good', async () => {
    expect(await upload('acme/aa/large', Buffer.alloc(MAX_BYTES + 1))).toMatchObject({
      type: 'refused',
      code: 'EntityTooLarge',
    })
    expect(await upload('acme/aa/größe', Buffer.from('x'))).toMatchObject({
      type: 'refused',
      code: 'InvalidKey',
    })
  })

  test.each([
    ['a server’s trouble', { type: 'status', status: 503 }, 'trouble'],
    ['a lost answer', { type: 'lost_answer' }, 'trouble'],
  ] as const)('is only delayed by %s', async (_, fault, because) => {
    storage.fault(() => fault)
    expect(await upload('acme/aa/later', Buffer.from('x'))).toMatchObject({ type: 'unavailable', because })
    storage.fault(undefined)
    expect(await upload('acme/aa/later', Buffer.from('x'))).toEqual({ type: 'delivered' })
  })

  test('with a key that is not taken is a matter of credentials', async () => {
    const wrong = await connectSupabase({ url: front.url, key: 'sb_publishable_for_tests_only' })
    const chunks = chunksOf(Buffer.from('x'))
    const outcome = await createProjectObjects(wrong).upload({
      path: 'acme/aa/no',
      chunks,
      mimeType: 'text/plain',
      signal: never,
    })
    expect(outcome).toMatchObject({ type: 'unavailable', because: 'credentials' })
    await wrong.close()
  })
})

describe('a download', () => {
  const bytes = randomBytes(1024 * 1024)
  beforeAll(() => upload('acme/bb/read', bytes))

  test('gives the piece that was asked for, to the byte', async () => {
    expect(await read('acme/bb/read', 0, bytes.length)).toEqual(bytes)
    expect(await read('acme/bb/read', 1000, 5)).toEqual(bytes.subarray(1000, 1005))
    expect(await read('acme/bb/read', bytes.length - 1, 100)).toEqual(bytes.subarray(-1))
    expect(await read('acme/bb/read', 0, 0)).toEqual(Buffer.alloc(0))
  })

  test('of what is not there is FILE_NOT_FOUND', async () => {
    await expect(read('acme/bb/nothing', 0, 1)).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
  })

  test.each([
    ['does not answer', { type: 'hang' }],
    ['is in trouble', { type: 'status', status: 500 }],
    ['breaks the connection', { type: 'reset' }],
    ['breaks off in the middle', { type: 'broken_body', afterBytes: 1000 }],
    ['stands still in the middle', { type: 'stalled_body', afterBytes: 1000 }],
  ] as const)('from a storage that %s is INTERNAL, and soon', async (_, fault) => {
    storage.fault(() => fault)
    const startedAt = performance.now()
    await expect(read('acme/bb/read', 0, bytes.length)).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })

  test('is not ended by a reader who takes his time', async () => {
    let total = 0
    let waited = false
    for await (const chunk of objects.read({
      path: 'acme/bb/read',
      offset: 0,
      length: bytes.length,
      signal: never,
    })) {
      total += chunk.length
      if (!waited) await new Promise(resolve => setTimeout(resolve, IDLE_MS * 2))
      waited = true
    }
    expect(total).toBe(bytes.length)
  })

  test('that a reader leaves lets go of its socket', async () => {
    for await (const _ of objects.read({
      path: 'acme/bb/read',
      offset: 0,
      length: bytes.length,
      signal: never,
    }))
      break
    expect(await read('acme/bb/read', 0, 1)).toEqual(bytes.subarray(0, 1))
  })

  test('ends with its signal, with its reason', async () => {
    storage.fault(() => ({ type: 'hang' }))
    const reason = new GatewayError('CANCELLED', 'the caller has gone')
    const gone = new AbortController()
    const reading = read('acme/bb/read', 0, 1, gone.signal)
    gone.abort(reason)
    await expect(reading).rejects.toBe(reason)
  })

  test('of a piece is refused when the storage gives the whole', async () => {
    front.fault(() => ({ type: 'answer', status: 200, body: 'whole' }))
    await expect(read('acme/bb/read', 2, 2)).rejects.toMatchObject({ reason: 'INTERNAL' })
  })
})

describe('a removal', () => {
  test('frees what is there, and what is not there is no failure', async () => {
    await upload('acme/cc/gone', Buffer.from('x'))
    expect(await objects.remove(['acme/cc/gone', 'acme/cc/never'], never)).toEqual({ type: 'delivered' })
    expect(kept('acme/cc/gone')).toBeUndefined()
  })

  test('is told as unavailable within the time of an answer', async () => {
    storage.fault(() => ({ type: 'hang' }))
    expect(await objects.remove(['acme/cc/any'], never)).toMatchObject({
      type: 'unavailable',
      because: 'trouble',
    })
  })
})

describe('the place of an object', () => {
  const key = `${'ab'.repeat(32)}-0123456789abcdef`

  test('is the tenant’s folder, two digits of the hash, and the key', () => {
    expect(objectPath('acme', key)).toBe(`acme/ab/${key}`)
  })

  test('of a tenant with other letters is a folder of its own, named by SHA-256 as sha256sum prints it', () => {
    expect(objectPath('acme/aa', key)).toBe(
      `t-0bfb824316cbcc849822b040ed4dc8d9383ff2223c14c320d77bcc721fdfba48/ab/${key}`,
    )
  })
})
