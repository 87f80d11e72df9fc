// Page tokens: opaque, and good only for the query that they were made for.
import { describe, expect, it } from 'vitest'
import { pageLimit, pageToken, placeOf } from '../../../src/core/page.ts'

describe('a page', () => {
  it.each([
    [0, 50],
    [1, 1],
    [500, 500],
    [501, 500],
  ])('that is asked for with page_size %i has at most %i items', (size, limit) => {
    expect(pageLimit(size)).toBe(limit)
  })

  it('of a negative size is refused', () => {
    expect(() => pageLimit(-1)).toThrow(expect.objectContaining({ reason: 'INVALID_REQUEST' }))
  })
})

describe('a page token', () => {
  it('gives the place back to the same query', () => {
    expect(placeOf(pageToken('conv_1', 'tenant a'), 'tenant a')).toBe('conv_1')
    expect(placeOf(pageToken('', 'q'), 'q')).toBe('')
  })

  it('is empty at the end of a list, and an empty one is the beginning', () => {
    expect(pageToken(undefined, 'q')).toBe('')
    expect(placeOf('', 'q')).toBeUndefined()
  })

  it('needs no escaping in a URL', () => {
    expect(pageToken('ä/?&=', 'q')).toMatch(/^[A-Za-z0-9_-]+$/)
  })

  it.each([
    ['of another query', pageToken('conv_1', 'tenant b')],
    ['that is no token', 'nonsense'],
    ['that was cut', pageToken('conv_1', 'tenant a').slice(0, 6)],
  ])('%s is refused', (_, token) => {
    expect(() => placeOf(token, 'tenant a')).toThrow(expect.objectContaining({ reason: 'INVALID_REQUEST' }))
  })
})
