// Lent bytes: nobody gets a piece that somebody still has, and what was given back is used again.
import { describe, expect, test } from 'vitest'
import { giveBack, LENT_BYTES_MAX, lend, ROOM_BYTES, withRoom } from '../../../src/core/lent-bytes.ts'

const LARGE = LENT_BYTES_MAX - 1

describe('a lent piece', () => {
  test('is as long as was asked, and nobody else has its memory', () => {
    const pieces = [lend(LARGE), lend(LARGE), lend(LENT_BYTES_MAX), lend(70_000), lend(9), lend(0)]
    expect(pieces.map(({ byteLength }) => byteLength)).toEqual([LARGE, LARGE, LENT_BYTES_MAX, 70_000, 9, 0])
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(pieces.length)
  })

  test('that was given back is lent again, and only to one', () => {
    const piece = lend(LARGE)
    giveBack(piece)
    giveBack(piece)
    const next = lend(70_000)
    expect(next.buffer).toBe(piece.buffer)
    expect(next.byteLength).toBe(70_000)
    expect(lend(LARGE).buffer).not.toBe(piece.buffer)
  })

  test('has room before it, and the room is no part of the piece', () => {
    const piece = lend(LARGE).fill(7)
    withRoom(piece, ROOM_BYTES)?.fill(9, 0, ROOM_BYTES)
    const whole = withRoom(piece, ROOM_BYTES)
    expect(whole?.byteLength).toBe(ROOM_BYTES + LARGE)
    expect(piece.every(byte => byte === 7)).toBe(true)
    expect(whole?.subarray(ROOM_BYTES).equals(piece)).toBe(true)
    expect(withRoom(piece, 0)?.equals(piece)).toBe(true)
  })

  test('may be shorter at its end, and a part from its middle has no room', () => {
    const piece = lend(LARGE)
    expect(withRoom(piece.subarray(0, 5), 2)?.byteLength).toBe(7)
    expect(withRoom(piece.subarray(1), 2)).toBeUndefined()
  })

  test('that was given back has no room any more', () => {
    const piece = lend(LARGE)
    giveBack(piece)
    expect(withRoom(piece, 2)).toBeUndefined()
  })
})

test('what is not lent has no room, and giving it back changes nothing', () => {
  const own = new Uint8Array(new ArrayBuffer(LENT_BYTES_MAX + ROOM_BYTES), ROOM_BYTES)
  expect(withRoom(own, 2)).toBeUndefined()
  giveBack(own)
  expect(lend(LARGE).buffer).not.toBe(own.buffer)
  expect(withRoom(lend(9), 2)).toBeUndefined()
})

test('of many pieces that were given back only some are kept', () => {
  const many = Array.from({ length: 64 }, () => lend(LARGE))
  const before = new Set(many.map(({ buffer }) => buffer))
  many.forEach(giveBack)
  const again = Array.from({ length: 64 }, () => lend(LARGE)).filter(({ buffer }) => before.has(buffer))
  expect(again).toHaveLength(16)
})
