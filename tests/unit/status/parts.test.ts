// The parts that tell of themselves only when they are looked at: configuration, certificate, disk and backlog.
import { describe, expect, it } from 'vitest'
import { certificatePart, createConfigPart, createLookedAt } from '../../../src/status/parts.ts'
import { NO_BACKLOG } from '../../../src/status/state.ts'
import { selfSigned } from '../../support/self-signed.ts'

describe('the configuration', () => {
  it('is degraded from a refused change until one is taken, and says what is wrong', () => {
    const part = createConfigPart()
    expect(part.report()).toEqual({ status: 'healthy', reason: '' })
    part.hear({ type: 'config.refused', version: 3, problems: ['no provider is called x', 'another'] })
    expect(part.report()).toEqual({
      status: 'degraded',
      reason: 'the changed file was refused and configuration 3 stays: no provider is called x (and 1 more)',
    })
    part.hear({ type: 'config.taken', version: 4 })
    expect(part.report().status).toBe('healthy')
  })
})

describe('the certificate', () => {
  it('is told two weeks before it expires', () => {
    const { cert } = selfSigned()
    const until = Date.parse('2049-12-31T23:59:59Z')
    const at = (ms: number) => certificatePart(cert, { now: () => until + ms })()
    const day = 86_400_000
    expect(at(-14 * day - 1).status).toBe('healthy')
    expect(at(-14 * day)).toMatchObject({ status: 'degraded', reason: expect.stringContaining('expires on') })
    expect(at(0)).toMatchObject({ status: 'degraded', reason: expect.stringContaining('has expired on') })
  })
})

describe('what is looked at', () => {
  const MIB = 1024 * 1024

  it('is a disk that is nearly full, and one with room', async () => {
    let free = 63 * MIB
    const looked = createLookedAt({ path: '.', freeBytes: async () => free })
    expect([looked.disk().status, looked.freeBytes()]).toEqual(['healthy', undefined])
    await looked.look()
    expect(looked.disk()).toEqual({ status: 'degraded', reason: 'the disk has only 63 MiB left: make room' })
    free = 64 * MIB
    await looked.look()
    expect([looked.disk().status, looked.freeBytes()]).toEqual(['healthy', free])
  })

  it('is a backlog, which stays as it was while nobody can tell', async () => {
    const waiting = { rows: 2, ageMs: 10, deadLetters: 1 }
    let isAway = false
    const looked = createLookedAt({
      path: '.',
      freeBytes: async () => Number.MAX_SAFE_INTEGER,
      backlog: async () => {
        if (isAway) throw new Error('away')
        return waiting
      },
    })
    expect(looked.backlog()).toEqual(NO_BACKLOG)
    await looked.look()
    isAway = true
    await looked.look()
    expect(looked.backlog()).toEqual(waiting)
  })
})
