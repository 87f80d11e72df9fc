// Every reason has one HTTP status, and the table that people read says the same.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REASONS, type Reason } from '../../../../src/core/errors.ts'
import { HTTP_STATUSES } from '../../../../src/doors/http/errors.ts'
import { root } from '../../../support/tools.ts'

const rows = readFileSync(join(root, 'docs/openai.md'), 'utf8')
  .split('\n')
  .filter(line => /^\| \d{3} \|/.test(line))
  .map(line => line.split('|').map(cell => cell.trim()))

const written = rows.flatMap(([, status, codes = '', again]) =>
  [...codes.replace(/;.*/, '').matchAll(/`(\w+)`/g)].map(
    ([, code = '']) =>
      [code.toUpperCase(), { status: Number(status), isRetryable: again === 'yes' }] as const,
  ),
)

describe('the status of a reason', () => {
  test('stands in the table of docs/openai.md, for every reason once', () => {
    expect(Object.fromEntries(written)).toEqual(HTTP_STATUSES)
    expect(written).toHaveLength(Object.keys(REASONS).length)
  })

  test('lets a request be sent again only where nothing was answered or a limit stood in the way', () => {
    const retryable = Object.keys(HTTP_STATUSES).filter(reason => HTTP_STATUSES[reason as Reason].isRetryable)
    for (const reason of retryable)
      expect(['UNAVAILABLE', 'RESOURCE_EXHAUSTED']).toContain(REASONS[reason as Reason].code)
  })
})
