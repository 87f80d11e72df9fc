// Bytes on disk keep the contract of core's port; beyond it, what a crash and a full disk leave.
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDiskBlobs } from '../../../../src/stores/disk/blobs.ts'
import { blobsSuite, gathered, pieces } from '../../../suites/blobs.ts'
import { ownFolder } from '../../../support/store-rig.ts'

blobsSuite('on disk', async () => {
  const folder = await ownFolder()
  return { blobs: await openDiskBlobs(folder.path), close: folder.remove }
})

describe('bytes on disk', () => {
  let folder: Awaited<ReturnType<typeof ownFolder>>
  beforeEach(async () => {
    folder = await ownFolder()
  })
  afterEach(() => folder.remove())

  it('that a crash left half-written are swept, and those that still come are not', async () => {
    const blobs = await openDiskBlobs(folder.path)
    const [left, coming] = ['left', 'coming'].map(name => join(folder.path, 'coming', name))
    await writeFile(left ?? '', 'x')
    await writeFile(coming ?? '', 'x')
    await utimes(left ?? '', 1_000, 1_000)
    expect(await blobs.sweep(Date.now() - 60_000)).toBe(1)
    expect(await readdir(join(folder.path, 'coming'))).toEqual(['coming'])
  })

  it('survive, and are listed, when the folder is opened again', async () => {
    const { key } = await (await openDiskBlobs(folder.path)).put(pieces(Buffer.from('kept')))
    const again = await openDiskBlobs(folder.path)
    expect((await gathered(again.read(key, 0, 99))).map(String)).toHaveLength(1)
    expect((await gathered(again.list())).map(one => one.key)).toEqual([key])
  })

  it('cannot be kept where a file is in the way, and the fault is ours', async () => {
    const path = join(folder.path, 'file')
    await writeFile(path, '')
    await expect(openDiskBlobs(path)).rejects.toMatchObject({ reason: 'INTERNAL' })
  })

  it('pass over what is not theirs', async () => {
    const blobs = await openDiskBlobs(folder.path)
    await mkdir(join(folder.path, 'kept', 'ab'))
    await writeFile(join(folder.path, 'kept', 'ab', 'note.txt'), 'x')
    expect(await gathered(blobs.list())).toEqual([])
  })
})
