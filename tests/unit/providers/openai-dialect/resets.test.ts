// Checks that the end of a limit is read from the words in which providers tell it.
import { describe, expect, it } from 'vitest'
import { resetDelayMs } from '../../../../src/providers/openai-dialect/resets.ts'

const now = Date.parse('2026-11-22T17:00:00+08:00')
const HOUR = 3_600_000

describe('the end of a limit', () => {
  it.each([
    ['Usage limit reached for 5 hour. Your limit will reset at 2026-11-22 18:00:00', HOUR],
    [
      'Weekly/Monthly Limit Exhausted. Your limit will reset at 2026-11-29 08:30:00',
      6 * 24 * HOUR + 15.5 * HOUR,
    ],
    ['usage limit exceeded, 5-hour usage limit reached, resets at 2026-11-22T18:00', HOUR],
    ['resets at 2026-11-22 10:00:00Z', HOUR],
    ['resets at 2026-11-22 10:00:00 +00:00', HOUR],
    ['please try again after 7 seconds', 7000],
    ['please try again after 1 second', 1000],
    ['retry after 500ms', 500],
    ['resets in 2 hours 30 minutes', 2.5 * HOUR],
    ['resets in 1 day, 2 hours and 5 minutes', 26 * HOUR + 300_000],
    ['resets at 2036-11-22 18:00:00', 31 * 24 * HOUR],
  ])('of %j is found', (message, delay) => {
    expect(resetDelayMs(message, now, '+08:00')).toBe(delay)
  })

  it.each([
    'Your limit will reset at 2026-11-22 16:00:00',
    'Your limit will reset soon',
    'resets at 2026-99-99 18:00:00',
    'try again after lunch',
    'resets in 2 months',
    '7 seconds',
  ])('of %j is not', message => {
    expect(resetDelayMs(message, now, '+08:00')).toBeUndefined()
  })
})
