// The log: the form of its lines, and that no secret and no content gets into them by any way.
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { LogLevel } from '../../../src/core/log.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { REDACTED, REDACTED_FIELDS } from '../../../src/telemetry/scrub.ts'

/** A logger and the lines it has written. */
function setUp({ level = 'debug', secrets = [] }: { level?: LogLevel; secrets?: readonly string[] } = {}) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLogger({ level, version: '9.9.9', destination, secrets })
  return { log, lines, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? 'null') }
}

describe('a log line', () => {
  test('is one JSON object with its level by name, its time in UTC, the service, the fields and the message', () => {
    const { log, lines, last } = setUp()
    log.info('call ended', { code: 'OK', durationMs: 12, tokens: 3n, at: new Date(0) })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^\{.*\}\n$/)
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      channel: 'app',
      service: 'exai',
      version: '9.9.9',
      code: 'OK',
      durationMs: 12,
      tokens: '3',
      at: '1970-01-01T00:00:00.000Z',
      msg: 'call ended',
    })
  })

  test('is written from its level on', () => {
    const { log, lines } = setUp({ level: 'warn' })
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
    expect(lines.map(line => JSON.parse(line).msg)).toEqual(['c', 'd'])
    const silent = setUp({ level: 'silent' })
    silent.log.error('e')
    expect(silent.lines).toEqual([])
  })

  test('of a child has the fields of all its parents', () => {
    const { log, last } = setUp()
    log.child({ requestId: 'r1' }).child({ apiKey: 'hunter2hunter2' }).warn('slow', { ms: 9 })
    expect(last()).toMatchObject({ level: 'warn', requestId: 'r1', apiKey: REDACTED, ms: 9, msg: 'slow' })
  })

  test('stays short, however deep and long its fields are', () => {
    const { log, lines, last } = setUp()
    const loop: Record<string, unknown> = {}
    loop['loop'] = loop
    log.info('big', { loop, long: 'x'.repeat(100_000), many: Array.from({ length: 10_000 }, (_, i) => i) })
    expect(lines[0]?.length).toBeLessThan(6000)
    expect(last()['many']).toHaveLength(50)
    expect(lines[0]).toContain('[deeper]')
  })
})

describe('what is in no line', () => {
  const secret = 'hunter2-correct-horse'
  const { secrets, secretEndings, contents } = REDACTED_FIELDS
  const written = [
    'authorization',
    'Proxy-Authorization',
    'x-api-key',
    'api-key',
    'api_key',
    'apiKey',
    'apiKeys',
    'cookie',
    'Set-Cookie',
    'key',
    'secret',
    'clientSecret',
    'JWT_SECRET',
    'password',
    'token',
    'access_token',
    'KEY_PEPPER',
    'OPENAI_API_KEY',
    'private_key',
    'prompt',
    'messages',
    'content',
    'text',
    'arguments',
    'input',
    'output',
    'body',
    'data',
  ]
  const names = [...new Set([...written, ...secrets, ...secretEndings, ...contents])]

  test.each(names)('the value of %s, at the top, below, in a list, in a Map and in a child', name => {
    const { log, lines } = setUp()
    log.info('top', { [name]: secret })
    log.info('below', { a: { b: { c: { [name]: secret } } } })
    log.info('as a whole', { a: { [name]: { inner: [secret] } } })
    log.info('list', { a: [{ [name]: secret }] })
    log.info('map', { a: new Map([[name, secret]]) })
    log.child({ request: { headers: { [name]: [secret] } } }).info('child')
    expect(lines).toHaveLength(6)
    expect(lines.join('')).not.toContain(secret)
    expect(lines.filter(line => line.includes(REDACTED))).toHaveLength(6)
  })

  test('a header in a list of names and values', () => {
    const { log, lines } = setUp()
    log.info('raw', {
      rawHeaders: ['Host', 'localhost', 'X-Api-Key', secret],
      pairs: [['authorization', secret]],
    })
    expect(lines[0]).not.toContain(secret)
    expect(lines[0]).toContain('localhost')
  })

  test('bytes', () => {
    const { log, last } = setUp()
    log.info('file', { image: Buffer.from(secret), view: new Uint8Array(7) })
    expect(last()).toMatchObject({ image: `[${secret.length} bytes]`, view: '[7 bytes]' })
  })

  test('a configured key, wherever it stands', () => {
    const key = 'zz9-plural-z-alpha'
    const { log, lines } = setUp({ secrets: [key, 'ab'] })
    log.error(`refused ${key}`, { err: new Error(`bad ${key}`), note: `about ${key}`, [key]: 1 })
    expect(lines[0]).not.toContain(key)
    expect(lines[0]).toContain('about')
  })

  test.each([
    'sk-proj-abcDEF123456789',
    'gsk_abcDEF123456789',
    'exai_Ab3dEf6hIj9kLm2nOp',
    'Bearer abcdef.ghijkl',
    'Basic dXNlcjpwYXNz',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl',
    '0123456789abcdef0123456789abcdef.AbCdEfGh12345678',
  ])('what looks like a key: %s', key => {
    const { log, lines } = setUp()
    const hidden = key.replace(/^(Bearer|Basic) /, '')
    log.warn(`upstream said: invalid ${key}, sorry`, {
      err: new Error('outer', { cause: new Error(`for ${key}!`) }),
    })
    expect(lines[0]).not.toContain(hidden)
    expect(lines[0]).toContain('sorry')
  })

  test('a password in an address', () => {
    const { log, last } = setUp()
    log.info('store', {
      a: 'redis://default:hunter22@cache:6379/0',
      b: 'https://x.example/p?api_key=abcdef123',
      c: 'GLM_API_KEY=abcdef123 monkey=business',
    })
    expect(last()).toMatchObject({
      a: `redis://${REDACTED}@cache:6379/0`,
      b: `https://x.example/p?api_key=${REDACTED}`,
      c: `GLM_API_KEY=${REDACTED} monkey=business`,
    })
  })
})

describe('what stays in a line', () => {
  test('counts, flags, metric names, labels and ids', () => {
    const { log, last } = setUp()
    const fields = {
      inputTokens: 5,
      output: 7,
      metric: 'exai_time_to_first_token_seconds',
      keyLabel: 'OPENAI_API_KEY[1]',
      id: 'resp_01976e5a-1111-7abc-8def-0123456789ab',
      apiKey: undefined,
      cookie: '',
    }
    log.info('kept', fields)
    const { apiKey: _, ...kept } = fields
    expect(last()).toMatchObject(kept)
  })
})

describe('an error', () => {
  test('has its type, its reason, who was asked, where it happened, and all of its causes', () => {
    const { log, last } = setUp()
    const root = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
    const err = new GatewayError('UPSTREAM_BROKEN', 'openai broke off', {
      provider: 'openai',
      model: 'gpt-5.4',
      upstreamStatus: 200,
      cause: new TypeError('terminated', { cause: root }),
    })
    log.error('call failed', { err })
    expect(last()['err']).toMatchObject({
      type: 'GatewayError',
      message: 'openai broke off',
      reason: 'UPSTREAM_BROKEN',
      code: 'ABORTED',
      origin: 'upstream',
      provider: 'openai',
      model: 'gpt-5.4',
      upstreamStatus: 200,
      stack: expect.arrayContaining([expect.stringMatching(/^at .*logger\.test\.ts/)]),
      cause: {
        type: 'TypeError',
        message: 'terminated',
        cause: { type: 'Error', message: 'socket hang up', code: 'ECONNRESET' },
      },
    })
  })

  test('does not bring along what clients hang on it', () => {
    const { log, lines } = setUp()
    const err = Object.assign(new Error('400'), {
      request: { body: 'my diary' },
      response: 'my diary',
      config: { data: 'my diary' },
    })
    log.error('call failed', { err, cause: { err } })
    expect(lines[0]).not.toContain('diary')
  })

  test('of JSON.parse does not quote what was parsed', () => {
    const { log, lines } = setUp()
    for (const body of ['my diary "says"', '{"a": my diary}']) {
      try {
        JSON.parse(body)
      } catch (err) {
        expect(String(err)).toContain('my diary')
        log.error('bad answer', { err })
      }
    }
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toContain('my diary')
  })

  test.each<[string, () => unknown]>([
    ['BigInt', () => BigInt('my diary')],
    ['RegExp', () => new RegExp(String(JSON.parse('"my diary("')))],
    ['`in`', () => 'x' in (JSON.parse('"my diary"') as object)],
    ['a property of a text', () => Object.assign(JSON.parse('{"a":"my diary"}').a, { length: 1 })],
    ['Node on a wrong argument', () => Buffer.alloc(JSON.parse('"my diary"'))],
    [
      'a library around JSON.parse',
      () => {
        throw new Error(`[internal] cannot decode: Unexpected token 'm', "my "diary" is not valid JSON`)
      },
    ],
    ['fetch on a header', () => new Headers([['x', 'my diary\u0000']])],
  ])('of %s does not quote what it was about, neither alone nor as a cause', (_name, fail) => {
    const { log, lines } = setUp()
    try {
      fail()
    } catch (err) {
      expect(String(err)).toMatch(/my "?diary|length/)
      log.error('failed', { err })
      log.error('failed', { err: new GatewayError('INTERNAL', 'internal error', { cause: err }) })
    }
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toContain('diary')
  })

  test('of JSON.parse tells the place', () => {
    const { log, last } = setUp()
    try {
      JSON.parse('{"a": my diary}')
    } catch (err) {
      log.error('bad answer', { err })
    }
    expect(last()['err']).toMatchObject({ type: 'SyntaxError', message: expect.stringContaining(REDACTED) })
    log.error('bad answer', {
      err: new SyntaxError('Expected property name in JSON at position 1 (line 1 column 2)'),
    })
    expect(last()['err']).toMatchObject({ message: `${REDACTED} at position 1 (line 1 column 2)` })
  })

  test('does not repeat its message in its stack, even one that looks like a frame', () => {
    const { log, last } = setUp()
    log.error('failed', { err: new Error('first\n    at my diary') })
    const { stack } = last()['err'] as { stack: readonly string[] } // Written a line above, by the logger.
    expect(stack.length).toBeGreaterThan(0)
    expect(stack.join('\n')).not.toContain('diary')
  })

  test('that holds several has each of them, and one that is its own cause ends', () => {
    const { log, last } = setUp()
    log.error('failed', { err: new AggregateError([new Error('one'), 'two'], 'both') })
    expect(last()['err']).toMatchObject({ type: 'AggregateError', errors: [{ message: 'one' }, 'two'] })
    const circular = new Error('round')
    circular.cause = circular
    log.error('failed', { err: circular })
    expect(JSON.stringify(last())).toContain('[deeper]')
  })
})
