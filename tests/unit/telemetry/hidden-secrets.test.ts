// Secrets that a log learns while it runs: they appear in no line from then on, and those in use are never forgotten.
import { expect, test } from 'vitest'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { REDACTED } from '../../../src/telemetry/scrub.ts'

function setUp(secrets: readonly string[] = []) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLogger({ level: 'debug', version: '9.9.9', destination, secrets })
  return { log, lines, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? 'null') }
}

test('a secret that is added is hidden in texts, fields and names of fields, here and in logs made before', () => {
  const { log, last } = setUp(['value-of-first'])
  const child = log.child({ door: 'connect' })
  log.info('value-of-next is no secret yet', { 'value-of-next': 'value-of-next' })
  expect(last()).toMatchObject({ msg: 'value-of-next is no secret yet', 'value-of-next': 'value-of-next' })
  log.hide(['value-of-next', 'short'])
  for (const one of [log, child]) {
    one.warn('value-of-first and value-of-next', { a: 'value-of-next', 'value-of-next': 1, b: 'short' })
    expect(last()).toMatchObject({
      msg: `${REDACTED} and ${REDACTED}`,
      a: REDACTED,
      [REDACTED]: 1,
      b: 'short',
    })
  }
})

test('a thousand secrets are remembered, the oldest go first, and those told again are the newest', () => {
  const { log, last } = setUp(['kept-secret', 'lost-secret'])
  for (let index = 0; index < 999; index += 1) log.hide(['kept-secret', `secret-number-${index}`])
  log.info('kept-secret, lost-secret, secret-number-0, secret-number-998')
  expect(last()['msg']).toBe(`${REDACTED}, lost-secret, ${REDACTED}, ${REDACTED}`)
  const many = Array.from({ length: 1500 }, (_, index) => `of-one-file-${index}-`)
  log.hide(many)
  log.info(`${many[0]} ${many[1499]} kept-secret`)
  expect(last()['msg']).toBe(`${REDACTED} ${REDACTED} kept-secret`)
})
