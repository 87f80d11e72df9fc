// Copies at providers go with the file that they were made of, whoever is down, gone or killed meanwhile.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DeleteFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { type CopyProviders, createCopyRemover } from '../../../src/files/remove-copy.ts'
import { type Swept, sweepFiles } from '../../../src/files/sweep.ts'
import { type CopyHost, hostedProviders, startCopyHost } from '../../support/copy-host.ts'
import { callOf, type FilesRig, openFilesRig, small } from '../../support/files-rig.ts'

const CHILD = fileURLToPath(new URL('../../support/sweep-child.ts', import.meta.url))

let rig: FilesRig
let host: CopyHost
let faults: unknown[]
beforeEach(async () => {
  rig = await openFilesRig()
  host = await startCopyHost()
  faults = []
})
afterEach(async () => {
  await rig[Symbol.asyncDispose]()
  await host.close()
})

const running = new AbortController().signal
const sweep = (providers: CopyProviders = hostedProviders(host.url, ['one', 'two'])): Promise<Swept> =>
  sweepFiles(
    {
      ...rig.ports,
      clock: rig.clock,
      removeCopy: createCopyRemover({ providers, log: rig.log }),
      onFault: fault => void faults.push(fault),
    },
    running,
  )

/** Stores a file, makes copies of it at places such as `one/a`, and deletes it. */
async function deletedWith(content: string, places: readonly string[]): Promise<void> {
  const { file } = await rig.files.create(callOf(), small(content))
  const id = file?.id ?? ''
  const { blobKey = '' } = (await rig.ports.files.get({ tenant: 'default', id })) ?? {}
  for (const place of places) {
    const [provider = '', account = ''] = place.split('/')
    const key = { blobKey, provider, account }
    expect(await rig.ports.files.claimCopy(key, 60_000)).toEqual({ state: 'ours' })
    await rig.ports.files.keepCopy(key, { remoteId: content })
    host.copies.add(`/${place}/${content}`)
  }
  await rig.files.delete(callOf(), create(DeleteFileRequestSchema, { fileId: id }))
}

const left = async () => ({
  copies: [...host.copies],
  due: (await rig.ports.files.due(99)).length,
  bytes: (await rig.kept()).length,
})
const NOTHING = { copies: [], due: 0, bytes: 0 }

/** Sweeps in a process of its own; gives the signal that ended it, if one did. */
async function sweptByChild(killAt?: { path: string; when: 'asked' | 'deleted' }): Promise<string | null> {
  const child = spawn(process.execPath, [CHILD, rig.folder, host.url], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  host.on = async (path, when) => {
    if (path !== killAt?.path || when !== killAt.when) return
    child.kill('SIGKILL')
    await ended
  }
  const [, signal] = await ended
  host.on = undefined
  return signal
}

describe('the copies of a deleted file', () => {
  test('are deleted at every provider, and the bytes with them', async () => {
    await deletedWith('f', ['one/a', 'one/b', 'two/a'])
    expect(await sweep()).toMatchObject({ freed: 1 })
    expect(await left()).toEqual(NOTHING)
    expect(host.asked).toEqual(['/one/a/f', '/one/b/f', '/two/a/f'])
    expect(faults).toEqual([])
  })

  test.each([
    { path: '/one/a/f', when: 'asked' },
    { path: '/one/a/f', when: 'deleted' },
    { path: '/two/a/f', when: 'asked' },
    { path: '/two/a/f', when: 'deleted' },
  ] as const)(
    'are all gone in the end when the process is killed with $path $when',
    async killAt => {
      await deletedWith('f', ['one/a', 'two/a'])
      await deletedWith('g', ['one/a'])
      expect(await sweptByChild(killAt)).toBe('SIGKILL')
      expect((await left()).due).toBe(2)
      expect(await sweptByChild()).toBeNull()
      expect(await left()).toEqual(NOTHING)
    },
    30_000,
  )

  test('wait at a provider that is down, which is asked again later and keeps nothing else', async () => {
    host.down.add('one')
    await deletedWith('f', ['one/a', 'two/a'])
    await deletedWith('g', ['one/a'])
    await deletedWith('h', ['two/a'])
    await deletedWith('i', [])
    expect(await sweep()).toMatchObject({ freed: 2 })
    expect(await left()).toEqual({ copies: ['/one/a/f', '/one/a/g'], due: 2, bytes: 2 })
    // Once is enough to know that it is down.
    expect(host.asked.filter(path => path.startsWith('/one'))).toEqual(['/one/a/f'])
    expect(faults).toMatchObject([{ reason: 'UPSTREAM_UNAVAILABLE' }])
    host.down.clear()
    expect(await sweep()).toMatchObject({ freed: 2 })
    expect(await left()).toEqual(NOTHING)
  })

  test('of which one is refused keep only their own bytes', async () => {
    const [provider] = hostedProviders(host.url, ['one'])()
    const refusing: CopyProviders = () => [
      {
        id: 'one',
        async removeCopy(copy, signal) {
          if (copy.remoteId === 'f') throw new GatewayError('INVALID_REQUEST', 'it cannot be deleted')
          await provider?.removeCopy?.(copy, signal)
        },
      },
    ]
    await deletedWith('f', ['one/a'])
    await deletedWith('g', ['one/a'])
    expect(await sweep(refusing)).toMatchObject({ freed: 1 })
    expect(await left()).toEqual({ copies: ['/one/a/f'], due: 1, bytes: 1 })
  })

  test.each([
    ['provider', 'gone/a', 'the provider is not configured any more'],
    ['key', 'one/old', 'its key is not configured any more'],
  ])('stay where the %s is not configured any more, and one warning says so', async (_, place, reason) => {
    await deletedWith('f', [place, 'two/a'])
    expect(await sweep()).toMatchObject({ freed: 1 })
    expect(await left()).toEqual({ copies: [`/${place}/f`], due: 0, bytes: 0 })
    await sweep()
    expect(rig.log.lines).toEqual([
      {
        message: 'a copy of a deleted file stays at its provider',
        fields: { provider: place.split('/')[0], remoteId: 'f', reason },
      },
    ])
  })

  test('are left for later when the service ends', async () => {
    await deletedWith('f', ['one/a'])
    const ending = new AbortController()
    const reason = new GatewayError('SHUTTING_DOWN', 'the service is ending')
    host.on = () => ending.abort(reason)
    const removeCopy = createCopyRemover({ providers: hostedProviders(host.url, ['one']), log: rig.log })
    const onFault = (fault: unknown): void => void faults.push(fault)
    const swept = sweepFiles({ ...rig.ports, clock: rig.clock, removeCopy, onFault }, ending.signal)
    await expect(swept).rejects.toBe(reason)
    host.on = undefined
    await sweep()
    expect([await left(), faults]).toEqual([NOTHING, []])
  })
})
