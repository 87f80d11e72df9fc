// The kinds of settings: what each takes, what it becomes, and what is just over the limit.
import { describe, expect, test } from 'vitest'
import * as kinds from '../../../src/config/kinds.ts'

const port = kinds.integer({ min: 0, max: 65_535 })
const timeout = kinds.seconds({ min: 0.1, max: 3600 })

const right: readonly (readonly [string, kinds.Kind<unknown>, string, unknown])[] = [
  ['integer', port, '0', 0],
  ['integer', port, '65535', 65_535],
  ['seconds', timeout, '0.1', 100],
  ['seconds', timeout, '2.0005', 2001],
  ['seconds', timeout, '3600', 3_600_000],
  ['boolean', kinds.boolean, '1', true],
  ['boolean', kinds.boolean, 'FALSE', false],
  ['oneOf', kinds.oneOf(['none', 'key']), 'Key', 'key'],
  ['host', kinds.host, '0.0.0.0', '0.0.0.0'],
  ['host', kinds.host, '[::1]', '::1'],
  ['host', kinds.host, 'gateway-1.example', 'gateway-1.example'],
  ['baseUrl', kinds.baseUrl, 'https://api.example.com/v1/', 'https://api.example.com/v1'],
  ['baseUrl', kinds.baseUrl, 'HTTP://LocalHost:11434', 'http://localhost:11434'],
  ['secrets', kinds.secrets, 'sk-one', ['sk-one']],
  ['secrets', kinds.secrets, 'sk-one , sk-two,sk-one', ['sk-one', 'sk-two']],
  [
    'origins',
    kinds.origins,
    'https://App.example, http://localhost:3000/',
    ['https://app.example', 'http://localhost:3000'],
  ],
]

const wrong: readonly (readonly [string, kinds.Kind<unknown>, string, RegExp])[] = [
  ['integer', port, '65536', /whole number, 0 to 65535/],
  ['integer', port, '-1', /whole number/],
  ['integer', port, '80.5', /whole number/],
  ['integer', port, '0x50', /whole number/],
  ['seconds', timeout, '0.09', /seconds, 0.1 to 3600/],
  ['seconds', timeout, '3600.1', /seconds/],
  ['seconds', timeout, '5s', /seconds/],
  ['seconds', timeout, 'Infinity', /seconds/],
  ['boolean', kinds.boolean, 'yes', /0 or 1/],
  ['oneOf', kinds.oneOf(['none', 'key']), 'jwt', /none, key/],
  ['host', kinds.host, 'http://localhost', /without scheme/],
  ['host', kinds.host, 'localhost:80', /without scheme and port/],
  ['host', kinds.host, 'a b', /host name/],
  ['text', kinds.text, 'a\nb', /control/],
  ['baseUrl', kinds.baseUrl, 'api.example.com/v1', /absolute URL/],
  ['baseUrl', kinds.baseUrl, 'ftp://example.com', /http/],
  ['baseUrl', kinds.baseUrl, 'https://api.example.com/v1?key=x', /without query/],
  ['baseUrl', kinds.baseUrl, 'https://api.example.com/#', /fragment/],
  ['baseUrl', kinds.baseUrl, 'https://user:hunter22@example.com', /user or password/],
  ['secrets', kinds.secrets, 'sk-one,', /empty entry/],
  ['secrets', kinds.secrets, 'sk one', /space/],
  ['secrets', kinds.secrets, 'sk-o\u0007ne', /control/],
  ['secrets', kinds.secrets, 'sk-öne', /non-ASCII/],
  ['secrets', kinds.secrets, '"sk-one"', /without quotes/],
  ['origins', kinds.origins, '*', /name the origins/],
  ['origins', kinds.origins, 'my.page.example', /origins such as/],
  ['origins', kinds.origins, 'https://app.example/page', /without path/],
  ['origins', kinds.origins, 'https://app.example,', /origins such as/],
]

describe('a setting', () => {
  test.each(right)('of the kind %s (case %#) takes what is right', (_, kind, text, value) => {
    expect(kind.parse(text)).toEqual({ ok: true, value })
  })

  test.each(wrong)(
    'of the kind %s (case %#) refuses what is wrong and does not repeat it',
    (_, kind, text, problem) => {
      const result = kind.parse(text)
      const said = result.ok ? '' : result.problem
      expect(said).toMatch(problem)
      if (text.length > 5) expect(said).not.toContain(text)
    },
  )
})
