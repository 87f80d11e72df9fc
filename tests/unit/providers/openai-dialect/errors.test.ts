// Checks the table from a provider's refusal to our reason, and that nothing secret leaves with it.
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import {
  afterOutput,
  readComplaint,
  refusal,
  retryDelayMs,
} from '../../../../src/providers/openai-dialect/errors.ts'
import { createRedactor } from '../../../../src/providers/openai-dialect/redact.ts'
import { upstream } from '../attempt.ts'

const openAi = (status: number, code: string | null, type: string, message = 'why') =>
  refusal(upstream, readComplaint({ error: { message, type, param: null, code } }), { status })

describe('an answer of OpenAI', () => {
  it.each([
    [400, 'unsupported_parameter', 'invalid_request_error', 'INVALID_REQUEST'],
    [400, null, 'invalid_request_error', 'INVALID_REQUEST'],
    [400, 'context_length_exceeded', 'invalid_request_error', 'CONTEXT_TOO_LONG'],
    [400, 'content_policy_violation', 'invalid_request_error', 'CONTENT_REFUSED'],
    [400, 'invalid_prompt', 'invalid_request_error', 'CONTENT_REFUSED'],
    [401, 'invalid_api_key', 'invalid_request_error', 'UPSTREAM_CREDENTIALS'],
    [403, 'unsupported_country_region_territory', 'request_forbidden', 'UPSTREAM_CREDENTIALS'],
    [403, 'model_not_found', 'invalid_request_error', 'MODEL_NOT_FOUND'],
    [404, 'model_not_found', 'invalid_request_error', 'MODEL_NOT_FOUND'],
    [404, 'unknown_url', 'invalid_request_error', 'UPSTREAM_UNAVAILABLE'],
    [408, null, 'timeout', 'UPSTREAM_UNAVAILABLE'],
    [409, 'conflict', 'invalid_request_error', 'UPSTREAM_UNAVAILABLE'],
    [413, null, 'invalid_request_error', 'INVALID_REQUEST'],
    [422, null, 'invalid_request_error', 'INVALID_REQUEST'],
    [429, 'rate_limit_exceeded', 'requests', 'UPSTREAM_LIMITED'],
    [429, 'insufficient_quota', 'insufficient_quota', 'UPSTREAM_CREDENTIALS'],
    [429, 'billing_hard_limit_reached', 'invalid_request_error', 'UPSTREAM_CREDENTIALS'],
    [429, 'resource_unavailable', 'resource_unavailable', 'UPSTREAM_UNAVAILABLE'],
    [500, null, 'server_error', 'UPSTREAM_UNAVAILABLE'],
    [503, 'overloaded', 'server_error', 'UPSTREAM_UNAVAILABLE'],
    [418, null, 'invalid_request_error', 'INVALID_REQUEST'],
  ])('of %i %s (%s) is %s', (status, code, type, reason) => {
    const error = openAi(status, code, type)
    expect(error.reason).toBe(reason)
    expect(error.details).toMatchObject({
      provider: 'openai',
      model: 'gpt-4.1',
      upstreamStatus: status,
      upstreamCode: code ?? type,
    })
  })

  it('that nobody knows is not blamed on the caller', () => {
    expect(openAi(418, null, 'invalid_request_error').origin).toBe('upstream')
    expect(openAi(400, null, 'invalid_request_error').origin).toBe('client')
  })

  it('says that a request will never fit into a limit in its words only', () => {
    const words = 'Request too large for gpt-4.1 on tokens per min (TPM): Limit 30000, Requested 40000.'
    const error = openAi(429, 'rate_limit_exceeded', 'tokens', words)
    expect([error.reason, error.details.against]).toEqual(['INVALID_REQUEST', 'nobody'])
    const other = openAi(
      429,
      'rate_limit_exceeded',
      'tokens',
      'Rate limit reached. Request too large for it?',
    )
    expect(other.reason).toBe('UPSTREAM_LIMITED')
  })

  it('is otherwise never judged by its message', () => {
    expect(openAi(400, null, 'invalid_request_error', 'rate limit 429 insufficient_quota').reason).toBe(
      'INVALID_REQUEST',
    )
  })
})

describe('an answer of another host', () => {
  const of = (status: number | undefined, body: unknown) =>
    refusal(upstream, readComplaint(body), status === undefined ? {} : { status }).reason

  it('is read in every envelope', () => {
    expect(readComplaint({ error: 'model "x" not found' })).toEqual({
      message: 'model "x" not found',
      code: '',
      type: '',
    })
    expect(
      readComplaint({ error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }),
    ).toEqual({
      message: 'Loading model',
      code: '503',
      type: 'unavailable_error',
      status: 503,
    })
    expect(
      readComplaint({ object: 'error', message: 'm', type: 'BadRequestError', code: 400 }),
    ).toMatchObject({ status: 400 })
    expect(readComplaint({ detail: 'Not Found' })).toMatchObject({ message: 'Not Found' })
    expect(readComplaint({ detail: [{ loc: ['body'], msg: 'field required', type: 'missing' }] })).toEqual({
      message: 'field required',
      code: '',
      type: 'missing',
    })
    expect(readComplaint({ errors: [{ message: 'first' }] })).toMatchObject({ message: 'first' })
  })

  it('without an error in it is none', () => {
    for (const body of [
      { error: null, choices: [] },
      { error: {} },
      { message: 'x', choices: [] },
      [],
      'error',
      null,
    ]) {
      expect(readComplaint(body), JSON.stringify(body)).toBeUndefined()
    }
  })

  it('is judged by its code, its type and its status, in this order', () => {
    expect(of(404, { error: { message: 'm', type: 'not_found_error' } })).toBe('MODEL_NOT_FOUND')
    expect(of(400, { error: { code: 400, type: 'exceed_context_size_error' } })).toBe('CONTEXT_TOO_LONG')
    expect(of(402, { error: { message: 'Insufficient Balance' } })).toBe('UPSTREAM_CREDENTIALS')
    expect(of(501, { error: { code: 501, type: 'not_supported_error' } })).toBe('UNSUPPORTED')
    expect(of(502, undefined)).toBe('UPSTREAM_UNAVAILABLE')
    expect(of(529, undefined)).toBe('UPSTREAM_UNAVAILABLE')
    expect(of(307, undefined)).toBe('UPSTREAM_UNAVAILABLE')
  })

  it('under status 200 is judged by what it says of itself', () => {
    expect(of(undefined, { error: { code: 429, message: 'm' } })).toBe('UPSTREAM_LIMITED')
    expect(of(undefined, { error: { type: 'invalid_request_error', message: 'm' } })).toBe('INVALID_REQUEST')
    expect(of(undefined, { error: 'boom' })).toBe('UPSTREAM_UNAVAILABLE')
  })

  it('of 404 without a code speaks of the path, not of the model', () => {
    expect(of(404, undefined)).toBe('UPSTREAM_UNAVAILABLE')
    expect(of(404, { detail: 'Not Found' })).toBe('UPSTREAM_UNAVAILABLE')
  })

  it('may have codes of its own', () => {
    const glm = { ...upstream, dialect: { ...upstream.dialect, errorCodes: { '1113': 'quota' } } } as const
    const complaint = readComplaint({ error: { code: '1113', message: 'm' } })
    expect(refusal(glm, complaint, { status: 429 }).reason).toBe('UPSTREAM_CREDENTIALS')
    expect(refusal(upstream, complaint, { status: 429 }).reason).toBe('UPSTREAM_LIMITED')
  })
})

describe('the message', () => {
  it('quotes the provider where the caller can act on its words', () => {
    expect(
      openAi(400, 'unsupported_value', 'invalid_request_error', "'minimal' is not supported").message,
    ).toBe("openai refuses the request: 'minimal' is not supported")
    expect(openAi(404, 'model_not_found', 'invalid_request_error', 'no gpt-9').message).toBe(
      'openai does not know the model: no gpt-9',
    )
  })

  it('never quotes what is said of keys, limits and failures', () => {
    for (const status of [401, 403, 429, 500]) {
      expect(openAi(status, null, 'x', 'Incorrect API key provided: abc***xyz').message).not.toContain('abc')
    }
  })

  it('holds no key, no line break and at most 500 characters of the provider', () => {
    const secret = 'test-key'
    const { message } = openAi(
      400,
      null,
      'invalid_request_error',
      `bad ${secret}\nsk-abcdefghijkl1234567 ${'x '.repeat(500)}`,
    )
    expect(message).toContain('bad [redacted] ')
    expect(message).not.toContain(secret)
    expect(message).not.toContain('\n')
    expect(message.length).toBeLessThanOrEqual('openai refuses the request: '.length + 501)
  })

  it('carries a code without odd characters', () => {
    expect(openAi(400, 'odd code\n!', 'x').details.upstreamCode).toBe('odd_code_')
  })
})

describe('redaction', () => {
  const redact = createRedactor(['0123456789abcdef', 'no'])
  it.each([
    ['a configured key', 'key 0123456789abcdef!', 'key [redacted]!'],
    ['a key of OpenAI', 'got sk-proj-AbCdEfGhIjKlMn_12', 'got [redacted]'],
    ['a masked key', 'Incorrect: sk-abc12345*****wxyz.', 'Incorrect: [redacted].'],
    ['a bearer value', 'Authorization: Bearer abc.def-ghi', 'Authorization: [redacted]'],
    ['a key of GLM', `k ${'0a'.repeat(16)}.AbCdEfGhIjKlMnOp`, 'k [redacted]'],
    ['a JSON web token', 'eyJhbGciOiJI.eyJzdWIi.sig', '[redacted]'],
    ['a long run', `t ${'a1'.repeat(25)}`, 't [redacted]'],
  ])('masks %s', (_, text, clean) => {
    expect(redact(text)).toBe(clean)
  })

  it('leaves names and ids of requests alone', () => {
    const text = 'no model gpt-4o-mini-2024-07-18 for call_abc123 in req_0123, max_completion_tokens'
    expect(redact(text)).toBe(text)
  })
})

describe('retry-after', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  it.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'retry-after': '86400' }, 3_600_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{}, undefined],
  ])('%j is %s ms', (headers, delay) => {
    expect(retryDelayMs(headers, now)).toBe(delay)
  })
})

describe('a failure after output', () => {
  it('never claims that nothing was answered', () => {
    const limited = new GatewayError('UPSTREAM_LIMITED', 'm', { provider: 'openai', upstreamCode: 'x' })
    expect(afterOutput(limited)).toMatchObject({ reason: 'UPSTREAM_BROKEN', details: { upstreamCode: 'x' } })
    const refused = new GatewayError('CONTENT_REFUSED', 'm')
    expect(afterOutput(refused)).toBe(refused)
  })
})
