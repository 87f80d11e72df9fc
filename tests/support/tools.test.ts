// Shows how a program is found, and what happens when it is missing.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { find, tool } from './tools.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exai-tools-'))
  await writeFile(join(folder, 'redis-server'), '#!/bin/sh\n', { mode: 0o755 })
  await writeFile(join(folder, 'plain-file'), '', { mode: 0o644 })
})

afterAll(() => rm(folder, { recursive: true, force: true }))
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

test('finds a program that can be run, in the order of the names', () => {
  expect(find(['absent', 'redis-server'], ['', folder])).toBe(join(folder, 'redis-server'))
  expect(find(['plain-file'], [folder])).toBeUndefined()
})

test('looks into PATH', () => {
  vi.stubEnv('PATH', folder)
  expect(tool('redis-server')).toEqual({ path: join(folder, 'redis-server') })
})

test('says once that a program is missing, and refuses to skip when everything must run', () => {
  vi.stubEnv('PATH', '')
  vi.stubEnv('EXAI_TEST_ALL', '')
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  expect([tool('redis-server'), tool('redis-server')]).toEqual([undefined, undefined])
  const line = 'skipped: needs redis-server, install it with apt-get install redis-server\n'
  expect(stderr.mock.calls).toEqual([[line]])
  vi.stubEnv('EXAI_TEST_ALL', '1')
  expect(() => tool('redis-server')).toThrow(
    'needs redis-server, install it with apt-get install redis-server',
  )
})

test('lets a program be missing that no registry has', () => {
  vi.stubEnv('PATH', '')
  vi.stubEnv('EXAI_TEST_ALL', '1')
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  expect(tool('grpc-health-probe')).toBeUndefined()
})
