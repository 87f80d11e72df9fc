// Checks what follows from each class of error: whom it counts against, and for how long.
import { describe, expect, it } from 'vitest'
import { glmDialect } from '../../../../src/providers/glm.ts'
import { kimiDialect } from '../../../../src/providers/kimi.ts'
import { miniMaxDialect } from '../../../../src/providers/minimax.ts'
import type { Dialect } from '../../../../src/providers/openai-dialect/dialect.ts'
import {
  afterOutput,
  broken,
  CLASS_RULES,
  readComplaint,
  refusal,
} from '../../../../src/providers/openai-dialect/errors.ts'
import { upstream } from '../attempt.ts'

const now = () => Date.parse('2026-11-22T17:00:00+08:00')
const refuse = (dialect: Dialect, body: unknown, answer = {}) =>
  refusal({ ...upstream, dialect, now }, readComplaint(body, dialect), answer)
const glm = (code: string, message = 'm') => refuse(glmDialect(''), { error: { code, message } }).details
const HOUR = 3_600_000

describe('the classes of errors', () => {
  it('count speed and money against the key, faults against the provider, and requests against nobody', () => {
    const against = Object.entries(CLASS_RULES).map(([name, rule]) => `${name} ${rule.against}`)
    expect(against).toEqual([
      'auth key',
      'permission key_model',
      'quota key',
      'rate_limit key',
      'concurrency key',
      'plan_window key',
      'overloaded provider',
      'server provider',
      'timeout provider',
      'misrouted provider',
      'bad_request nobody',
      'unsupported nobody',
      'context_length nobody',
      'content_filter nobody',
      'not_found nobody',
    ])
  })

  it('say what is wrong with the key exactly when they count against one', () => {
    for (const rule of Object.values(CLASS_RULES))
      expect('keyTrouble' in rule).toBe(rule.against === 'key' || rule.against === 'key_model')
  })
})

describe('how long something stays out', () => {
  it('is until the limit ends, where the words say when', () => {
    const message = 'Usage limit reached for 5 hour. Your limit will reset at 2026-11-22 19:00:00'
    expect(glm('1308', message)).toMatchObject({ retryDelayMs: 2 * HOUR, cooldownMs: 2 * HOUR })
    const plan = { base_resp: { status_code: 2056, status_msg: 'used up, resets at 2026-11-22 18:00:00' } }
    expect(refuse(miniMaxDialect, plan).details).toMatchObject({
      retryDelayMs: HOUR,
      keyTrouble: 'plan_window',
    })
  })

  it('is the time of the code or the class, where nothing does', () => {
    expect(glm('1308')).toMatchObject({ cooldownMs: HOUR })
    expect(glm('1308')).not.toHaveProperty('retryDelayMs')
    expect(glm('1313')).toMatchObject({ cooldownMs: 4 * HOUR })
    expect(glm('1302')).toMatchObject({ keyTrouble: 'concurrency' })
    expect(glm('1303')).not.toHaveProperty('cooldownMs')
    const slow = { base_resp: { status_code: 2062, status_msg: 'rate' } }
    expect(refuse(miniMaxDialect, slow).details.cooldownMs).toBe(60_000)
  })

  it('is what a header says, before all words', () => {
    const body = { error: { type: 'rate_limit_reached_error', message: 'try again after 9 seconds' } }
    const answer = { status: 429, retryDelayMs: 2000 }
    expect(refuse(kimiDialect, body, answer).details).toMatchObject({ retryDelayMs: 2000, cooldownMs: 2000 })
  })

  it('is never read from the words of another kind of error', () => {
    const body = { error: { type: 'invalid_request_error', message: 'bad: "try again after 9 seconds"' } }
    expect(refuse(kimiDialect, body, { status: 400 }).details).not.toHaveProperty('retryDelayMs')
  })
})

describe('a code behind the message', () => {
  it('counts on the host that puts it there, and nowhere else', () => {
    const body = { error: { type: 'bad_request_error', message: 'no (1008)', http_code: '400' } }
    expect(refuse(miniMaxDialect, body, { status: 400 }).reason).toBe('UPSTREAM_CREDENTIALS')
    expect(refuse(kimiDialect, body, { status: 400 }).reason).toBe('INVALID_REQUEST')
    const quoted = {
      error: { type: 'bad_request_error', message: 'you said (1008) in the text', http_code: 400 },
    }
    expect(refuse(miniMaxDialect, quoted, { status: 400 }).reason).toBe('INVALID_REQUEST')
  })

  it('is no HTTP status, however large', () => {
    const body = { base_resp: { status_code: 1008, status_msg: 'insufficient balance' } }
    expect(readComplaint(body)).toEqual({ message: 'insufficient balance', code: '1008', type: '' })
    expect(readComplaint({ base_resp: { status_code: 0 }, choices: [] })).toBeUndefined()
  })

  it('that nobody knows leaves the judgement to the status', () => {
    const body = (code: number) => ({ error: { type: 'odd', message: `what (${code})` } })
    expect(refuse(miniMaxDialect, body(9999), { status: 400 }).reason).toBe('INVALID_REQUEST')
    expect(refuse(miniMaxDialect, body(9999), { status: 503 }).reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(refuse(miniMaxDialect, { base_resp: { status_code: 9999 } }).reason).toBe('UPSTREAM_UNAVAILABLE')
  })
})

describe('a broken answer', () => {
  it('counts against the provider, and a refusal in the middle keeps what it counts against', () => {
    expect(broken(upstream, 'sent nonsense').details.against).toBe('provider')
    const limited = refuse(miniMaxDialect, { base_resp: { status_code: 1002, status_msg: 'rpm' } })
    expect(afterOutput(limited)).toMatchObject({
      reason: 'UPSTREAM_BROKEN',
      details: { against: 'key', keyTrouble: 'rate_limit' },
    })
  })
})
