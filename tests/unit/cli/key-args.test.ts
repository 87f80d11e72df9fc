// The arguments of `exai keys`: what they become, and what is wrong with them in words.
import { toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { CreateKeyRequestSchema, ListKeysRequestSchema } from '#gen/exai/v1/access_service_pb'
import { keyArgs } from '../../../src/cli/key-args.ts'
import { spanOf } from '../../../src/cli/spans.ts'

function created(...args: readonly string[]) {
  const { task } = keyArgs(['create', '--label', 'x', '--scope', 'chat', ...args])
  return task.type === 'create' ? toJson(CreateKeyRequestSchema, task.request) : undefined
}

describe('exai keys create', () => {
  test('asks for a label and scopes, and the rest is as it is', () => {
    expect(created()).toEqual({ label: 'x', scopes: ['SCOPE_CHAT'] })
  })

  test('takes everything that a key can have', () => {
    const limits = [
      'requests_per_minute=60',
      'tokens_per_minute=100000@openai/gpt-4o',
      'concurrent_calls=0,deny',
    ]
    const budgets = ['day_budget=5usd', 'month_budget=0.000000001usd@glm/glm-5,allow']
    const args = [
      ...['--tenant', 'acme', '--scope', 'files,admin', '--expires', '2027-01-31'],
      ...[...limits, ...budgets].flatMap(limit => ['--limit', limit]),
      ...['--allow-model', 'openai/*,glm-5', '--deny-model', 'a', '--allow-tool', 'b', '--deny-tool', 'c'],
      ...['--max-prompt-tokens', '1000'],
    ]
    expect(created(...args)).toEqual({
      label: 'x',
      scopes: ['SCOPE_CHAT', 'SCOPE_FILES', 'SCOPE_ADMIN'],
      tenant: 'acme',
      expireTime: '2027-01-31T00:00:00Z',
      limits: [
        { kind: 'KIND_REQUESTS_PER_MINUTE', value: '60' },
        { kind: 'KIND_TOKENS_PER_MINUTE', value: '100000', model: 'openai/gpt-4o' },
        { kind: 'KIND_CONCURRENT_CALLS', outagePolicy: 'OUTAGE_POLICY_DENY' },
        { kind: 'KIND_DAY_BUDGET', value: '5000000000' },
        { kind: 'KIND_MONTH_BUDGET', value: '1', model: 'glm/glm-5', outagePolicy: 'OUTAGE_POLICY_ALLOW' },
      ],
      policy: {
        allowedModels: ['openai/*', 'glm-5'],
        deniedModels: ['a'],
        allowedTools: ['b'],
        deniedTools: ['c'],
        maxPromptTokens: 1000,
      },
    })
  })

  test('takes a time to live', () => {
    expect(created('--ttl', '90s')).toMatchObject({ ttl: '90s' })
    expect(created('--ttl', '30d')).toMatchObject({ ttl: '2592000s' })
  })

  test.each([
    [['create'], /--label is required/],
    [['create', '--label', 'x'], /--scope is required/],
    [
      ['create', '--label', 'x', '--scope', 'root'],
      /--scope: "root" is none of chat, files, monitoring, admin/,
    ],
    [['create', '--label', 'x', '--scope', 'constructor'], /is none of/],
    [
      ['create', '--label', 'x', '--scope', 'chat', '--ttl', '1h', '--expires', '2027-01-01'],
      /exclude each other/,
    ],
    [['create', '--label', 'x', '--scope', 'chat', '--expires', 'soon'], /--expires must be a time/],
    [['create', '--label', 'x', '--scope', 'chat', '--expires', '2027-13-45'], /--expires must be a time/],
    [['create', '--label', 'x', '--scope', 'chat', '--max-prompt-tokens', '0'], /whole number above 0/],
    [['create', '--label', 'x', '--scope', 'chat', '--limit', 'day_budget=5'], /--limit must be like/],
    [
      ['create', '--label', 'x', '--scope', 'chat', '--limit', 'requests_per_minute=5usd'],
      /--limit must be like/,
    ],
    [
      ['create', '--label', 'x', '--scope', 'chat', '--limit', 'requests_per_minute=1.5'],
      /--limit must be like/,
    ],
    [['create', '--label', 'x', '--scope', 'chat', '--limit', 'toString=1'], /--limit must be like/],
    [
      ['create', '--label', 'x', '--scope', 'chat', '--limit', 'concurrent_calls=1,perhaps'],
      /"perhaps" is none of/,
    ],
    [['create', '--label', 'x', '--scope', 'chat', 'more'], /more/],
    [['create', '--labl', 'x'], /--labl/],
    [['list', '--state', 'gone'], /"gone" is none of active, expired, revoked/],
    [['rotate'], /keys rotate wants the id of one key/],
    [['revoke', 'key_1', 'key_2'], /keys revoke wants the id of one key/],
    [['frob'], /one of create, list, rotate and revoke/],
    [[], /one of create, list, rotate and revoke/],
  ])('says what is wrong with %j', (args, message) => {
    expect(() => keyArgs(args)).toThrow(message)
  })
})

describe('exai keys', () => {
  test('list takes filters', () => {
    const { task } = keyArgs(['list', '--tenant', 'acme', '--state', 'active,revoked'])
    const request = task.type === 'list' ? toJson(ListKeysRequestSchema, task.request) : undefined
    expect(request).toEqual({ pageSize: 500, tenant: 'acme', states: ['STATE_ACTIVE', 'STATE_REVOKED'] })
  })

  test('says how it is to be done', () => {
    expect(keyArgs(['rotate', 'key_1'])).toEqual({
      task: { type: 'rotate', keyId: 'key_1' },
      json: false,
      credential: undefined,
      isDirect: false,
    })
    expect(keyArgs(['revoke', '--json', '--store', '--key', 'k', 'key_1'])).toEqual({
      task: { type: 'revoke', keyId: 'key_1' },
      json: true,
      credential: 'k',
      isDirect: true,
    })
  })
})

test.each([
  ['1s', 1_000],
  ['15m', 900_000],
  ['12h', 43_200_000],
  ['3650d', 315_360_000_000],
])('a time of %s is so many milliseconds', (text, ms) => {
  expect(spanOf('--ttl', text)).toBe(ms)
})

test.each(['', '0s', '1', 's', '-1s', '1.5h', '1w', '3651d', '99999999999s', '1s\n'])(
  'a time of %j is none',
  text => {
    expect(() => spanOf('--ttl', text)).toThrow(/^--ttl must be a time such as/)
  },
)
