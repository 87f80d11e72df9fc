// The sweeper: what nobody needs is freed, what somebody may need stays, and what fails is tried again.

import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DeleteFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { ORPHAN_AGE_MS, type SweepDeps, sweepFiles } from '../../../src/files/sweep.ts'
import { callOf, type FilesRig, listing, openFilesRig, small } from '../../support/files-rig.ts'

let rig: FilesRig
beforeEach(async () => {
  rig = await openFilesRig()
})
afterEach(() => rig[Symbol.asyncDispose]())

const none = { expired: 0, freed: 0, orphans: 0, broken: 0 }
const running = new AbortController().signal
const faults: unknown[] = []
const sweep = (own: Partial<SweepDeps> = {}) =>
  sweepFiles({ ...rig.ports, clock: rig.clock, onFault: fault => void faults.push(fault), ...own }, running)
const stored = async (...given: Parameters<typeof small>): Promise<string> =>
  (await rig.files.create(callOf(), small(...given))).file?.id ?? ''
const remove = (fileId: string) => rig.files.delete(callOf(), create(DeleteFileRequestSchema, { fileId }))
/** Makes a blob as old as the clock of the rig and the age say. */
async function age(key: string, ageMs: number): Promise<void> {
  const at = new Date(rig.clock.now() - ageMs)
  await utimes(join(rig.folder, 'blobs', 'kept', key.slice(0, 2), key), at, at)
}
async function orphan(content: string): Promise<string> {
  const chunks = (async function* () {
    yield Buffer.from(content)
  })()
  return (await rig.ports.blobs.put(chunks)).key
}

describe('the sweeper', () => {
  test('frees the bytes of what was deleted or has expired, and only those', async () => {
    const stays = await stored('stays')
    const [twin, other] = [await stored('twins'), await stored('twins')]
    await stored('expires', { expiration: { case: 'ttl', value: { seconds: 1n, nanos: 0 } } })
    await remove(await stored('deleted'))
    await remove(twin)
    rig.clock.pass(1_000)
    expect(await sweep()).toEqual({ ...none, expired: 1, freed: 2 })
    expect(await rig.kept()).toHaveLength(2)
    expect(await sweep()).toEqual(none)
    await remove(other)
    await remove(stays)
    expect(await sweep()).toEqual({ ...none, freed: 2 })
    expect(await rig.kept()).toEqual([])
  })

  test('frees bytes without a file when they are old enough', async () => {
    const [old, young] = [await orphan('old'), await orphan('young')]
    await stored('of a file')
    await age(old, ORPHAN_AGE_MS)
    await age(young, ORPHAN_AGE_MS - 1_000)
    for (const key of await rig.kept()) if (![old, young].includes(key)) await age(key, ORPHAN_AGE_MS * 9)
    expect(await sweep()).toEqual({ ...none, orphans: 1 })
    const left = await rig.kept()
    expect(left).toHaveLength(2)
    expect(left).toContain(young)
  })

  test('finds again what was cut short at any step', async () => {
    for (const step of ['remove', 'forget'] as const) {
      await remove(await stored(step))
      const down = () => Promise.reject(new GatewayError('INTERNAL', 'the disk failed'))
      const before = faults.length
      const cut: Partial<SweepDeps> =
        step === 'remove'
          ? { blobs: { ...rig.ports.blobs, remove: down } }
          : { files: { ...rig.ports.files, forget: down } }
      expect(await sweep(cut)).toEqual(none)
      expect(faults).toHaveLength(before + 1)
      expect(await sweep()).toEqual({ ...none, freed: 1 })
      expect(await rig.kept()).toEqual([])
    }
  })

  test('deletes copies at providers before the bytes, and waits for what it cannot delete', async () => {
    await stored('copied')
    const [blobKey = ''] = await rig.kept()
    const copy = { blobKey, provider: 'openai', account: 'a1' }
    expect(await rig.ports.files.claimCopy(copy, 1_000)).toEqual({ state: 'ours' })
    await rig.ports.files.keepCopy(copy, { remoteId: 'file-1' })
    const { files = [] } = await rig.files.list(callOf(), listing())
    await remove(files[0]?.id ?? '')
    expect(await sweep()).toEqual(none)
    expect(await rig.kept()).toEqual([blobKey])
    const deleted: unknown[] = []
    const removeCopy = async (one: unknown): Promise<void> => void deleted.push(one)
    expect(await sweep({ removeCopy })).toEqual({ ...none, freed: 1 })
    expect(deleted).toEqual([{ ...copy, remoteId: 'file-1' }])
    expect(await rig.kept()).toEqual([])
  })

  test('goes on behind those that it cannot free', async () => {
    for (let number = 0; number < 120; number += 1) await remove(await stored(`content ${number}`))
    const due = await rig.ports.files.due(101)
    const stuck = new Set(due.slice(0, 101).map(({ key }) => key))
    const remove101 = (key: string) =>
      stuck.has(key) ? Promise.reject(new Error('no')) : rig.ports.blobs.remove(key)
    expect(await sweep({ blobs: { ...rig.ports.blobs, remove: remove101 } })).toEqual({ ...none, freed: 19 })
  })

  test('ends with the reason of its signal', async () => {
    const reason = new GatewayError('SHUTTING_DOWN', 'the service is ending')
    await expect(
      sweepFiles({ ...rig.ports, clock: rig.clock, onFault: () => {} }, AbortSignal.abort(reason)),
    ).rejects.toBe(reason)
  })
})
