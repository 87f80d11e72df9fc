// How much of stored files goes into one request: what fits, what does not, and that what does not takes nothing.
import { describe, expect, it } from 'vitest'
import { createFileRoom } from '../../../src/providers/file-room.ts'

const inline = { as: 'inline' } as const
const once = { shown: 1, count: 1 }
const text = (sizeBytes: number) => ({ as: 'text', text: 'x'.repeat(sizeBytes) }) as const
const MIB = 1024 * 1024

describe('the room of a request', () => {
  it('has 37 MB for what goes inline, with what the caller sent, in every place where it is shown', () => {
    const room = createFileRoom('openai', 7_000_000)
    expect(room.take(inline, 10_000_000, { shown: 4, count: 4 })?.reason).toBe('UNSUPPORTED')
    expect(room.take(inline, 10_000_000, { shown: 3, count: 9 })).toBeUndefined()
    expect(room.take(inline, 1, once)?.message).toContain('37000000 bytes together')
  })

  it('keeps the smaller limit of a provider', () => {
    const room = createFileRoom('kimi', 0)
    expect(room.take(inline, 2, once, 1)?.message).toContain('1 bytes together')
    expect(room.take(inline, 1, once, 1)).toBeUndefined()
  })

  it('has 16 MiB for texts, in every place where they stand', () => {
    const room = createFileRoom('openai', 37_000_000)
    expect(room.take(text(8 * MIB), 1, { shown: 0, count: 3 })).toMatchObject({
      reason: 'UNSUPPORTED',
      details: { against: 'nobody' },
    })
    expect(room.take(text(8 * MIB), 1, { shown: 0, count: 2 })).toBeUndefined()
    expect(room.take(text(1), 1, once)?.message).toBe(
      'openai takes texts of files of at most 16777216 bytes together within a request: send fewer',
    )
  })

  it('is not needed for a copy that lies at the provider', () => {
    const copy = { as: 'copy', source: { case: 'fileId', value: 'file-1' } } as const
    expect(createFileRoom('openai', 37_000_000).take(copy, 500 * MIB, once)).toBeUndefined()
  })
})
