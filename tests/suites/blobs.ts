// The contract that every place for the bytes of files keeps.
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Blobs } from '../../src/core/blobs.ts'
import { createChance } from '../support/seeded.ts'

/** A place for bytes to be tested. */
export interface BlobsRig {
  readonly blobs: Blobs
  close(): Promise<void>
}

/** Bytes that come in pieces. */
export async function* pieces(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all
}

/** Everything that comes. */
export async function gathered<T>(all: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const one of all) found.push(one)
  return found
}

/** Tests a place for bytes. */
export function blobsSuite(name: string, open: () => Promise<BlobsRig>): void {
  describe(`${name}: blobs`, () => {
    let rig: BlobsRig
    const blobs = (): Blobs => rig.blobs
    beforeEach(async () => {
      rig = await open()
    })
    afterEach(() => rig.close())

    const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
    async function read(key: string, offset = 0, length = 1e9): Promise<Buffer> {
      return Buffer.concat(await gathered(blobs().read(key, offset, length)))
    }
    const keys = async () => (await gathered(blobs().list())).map(({ key }) => key)

    it('give back what came, with its hash and length', async () => {
      const bytes = Buffer.from('hello world')
      const kept = await blobs().put(pieces(bytes.subarray(0, 5), new Uint8Array(), bytes.subarray(5)))
      expect(kept).toMatchObject({ sha256: sha256(bytes), sizeBytes: 11 })
      expect(kept.key.startsWith(kept.sha256)).toBe(true)
      expect((await read(kept.key)).toString()).toBe('hello world')
    })

    it('give every range exactly', async () => {
      const chance = createChance(7)
      const bytes = Buffer.from(Uint8Array.from({ length: 700_001 }, () => chance.below(256)))
      const { key } = await blobs().put(pieces(bytes.subarray(0, 300_000), bytes.subarray(300_000)))
      for (let round = 0; round < 30; round += 1) {
        const offset = chance.below(bytes.length + 10)
        const length = chance.oneOf([0, 1, chance.below(500_000), 1e9])
        expect((await read(key, offset, length)).equals(bytes.subarray(offset, offset + length))).toBe(true)
      }
    })

    it('have nothing at their end and behind it', async () => {
      const { key } = await blobs().put(pieces(Buffer.from('abc')))
      expect((await read(key, 2, 9)).toString()).toBe('c')
      expect([(await read(key, 3, 1)).length, (await read(key, 4)).length]).toEqual([0, 0])
    })

    it('read in chunks of at most 256 KiB', async () => {
      const { key } = await blobs().put(pieces(Buffer.alloc(600_000)))
      const chunks = await gathered(blobs().read(key, 0, 1e9))
      const sizes = chunks.map(({ length }) => length)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(262_144)
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(600_000)
    })

    it('get a key of their own, also when the bytes are the same', async () => {
      const first = await blobs().put(pieces(Buffer.from('same')))
      const second = await blobs().put(pieces(Buffer.from('same')))
      expect(second.key).not.toBe(first.key)
      expect(await blobs().remove(first.key)).toBe(true)
      expect((await read(second.key)).toString()).toBe('same')
    })

    it('may be empty', async () => {
      const { key, sizeBytes } = await blobs().put(pieces())
      expect([sizeBytes, (await read(key)).length]).toEqual([0, 0])
    })

    it('keep nothing of a stream that breaks, and pass its error on', async () => {
      const broken = new Error('cut')
      async function* breaking(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('half')
        throw broken
      }
      await expect(blobs().put(breaking())).rejects.toBe(broken)
      expect(await keys()).toEqual([])
      expect(await blobs().sweep(Date.now() + 60_000)).toBe(0)
    })

    it('keep nothing that the check refuses', async () => {
      const refused = new Error('another hash')
      const check = ({ sizeBytes }: { sizeBytes: number }): void => {
        if (sizeBytes === 3) throw refused
      }
      await expect(blobs().put(pieces(Buffer.from('abc')), check)).rejects.toBe(refused)
      expect(await keys()).toEqual([])
      await blobs().put(pieces(Buffer.from('abcd')), check)
      expect(await keys()).toHaveLength(1)
    })

    it('are gone once they are removed, and not twice', async () => {
      const { key } = await blobs().put(pieces(Buffer.from('x')))
      expect([await blobs().remove(key), await blobs().remove(key)]).toEqual([true, false])
      await expect(read(key)).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
    })

    it('that are removed while they are read are read to their end', async () => {
      const bytes = Buffer.alloc(600_000, 'r')
      const { key } = await blobs().put(pieces(bytes))
      const reading = blobs().read(key, 0, 1e9)
      const first = await reading.next()
      await blobs().remove(key)
      const rest = await gathered(reading)
      expect(Buffer.concat([first.value ?? new Uint8Array(), ...rest]).equals(bytes)).toBe(true)
    })

    it('are listed with their size', async () => {
      const kept = [await blobs().put(pieces(Buffer.from('a'))), await blobs().put(pieces(Buffer.from('bc')))]
      const listed = await gathered(blobs().list())
      const byKey = (one: { key: string }, other: { key: string }) => (one.key < other.key ? -1 : 1)
      expect(listed.map(({ key, sizeBytes }) => ({ key, sizeBytes })).toSorted(byKey)).toEqual(
        kept.map(({ key, sizeBytes }) => ({ key, sizeBytes })).toSorted(byKey),
      )
      for (const { modifiedAt } of listed) expect(Math.abs(modifiedAt - Date.now())).toBeLessThan(60_000)
    })

    it.each(['../../etc/passwd', '', `${'a'.repeat(64)}-../../../../x`, 'A'.repeat(81)])(
      'have no key such as %j',
      async key => {
        await expect(read(key)).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
        expect(await blobs().remove(key)).toBe(false)
      },
    )
  })
}
