// Which ids of callers are taken.
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { requestIdOf } from '../../../src/server/request-id.ts'

test.each(['a', 'Req-1_2.3', 'x'.repeat(128)])('%s is kept', id =>
  expect(requestIdOf(id, systemClock)).toBe(id),
)

test.each([undefined, '', 'a b', 'a\nb', 'é', 'x'.repeat(129), 'a, b', ['a', 'b']])('%j is replaced', id =>
  expect(requestIdOf(id, systemClock)).toMatch(/^call_[0-9a-f]{8}-[0-9a-f]{4}-7/),
)
