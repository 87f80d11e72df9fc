// The administration of keys: what a request may ask for, what is answered, and what the audit log says.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  CreateKeyRequestSchema,
  RevokeKeyRequestSchema,
  RotateKeyRequestSchema,
} from '#gen/exai/v1/access_service_pb'
import { Key_State, Limit_Kind, Limit_OutagePolicy, Scope } from '#gen/exai/v1/key_pb'
import {
  type AccessRig,
  makeKey,
  OPERATOR,
  openAccessRig,
  revokeKey,
  rotateKey,
} from '../../support/access-rig.ts'

let rig: AccessRig
beforeEach(async () => {
  rig = await openAccessRig()
})
afterEach(() => rig.close())

/** A value that a later version of the contract may have. */
const LATER: Scope = JSON.parse('9')

type Wish = MessageInitShape<typeof CreateKeyRequestSchema>

const make = (request: Wish) =>
  rig.access.administration.create(
    OPERATOR,
    create(CreateKeyRequestSchema, { label: 'a key', scopes: [Scope.CHAT], ...request }),
  )
const seconds = (ms: number) => BigInt(ms / 1000)

describe('a new key', () => {
  test('is answered with all that it is, and with its secret', async () => {
    const now = rig.clock.now()
    const { key, secret } = await make({
      label: 'büro 🎉',
      tenant: 'acme',
      scopes: [Scope.FILES, Scope.CHAT, Scope.FILES],
      expiration: { case: 'expireTime', value: { seconds: seconds(now + 60_000) } },
      limits: [
        { kind: Limit_Kind.DAY_BUDGET, value: 9_007_199_254_740_991n, outagePolicy: Limit_OutagePolicy.DENY },
        { kind: Limit_Kind.DAY_BUDGET, value: 0n, model: 'openai/gpt-4o' },
      ],
      policy: { allowedModels: ['openai/*', 'glm-5'], deniedTools: ['web_search'], maxPromptTokens: 1 },
    })
    expect(secret).toMatch(/^exai_[\w-]{43}$/)
    expect(key).toEqual({
      id: expect.stringMatching(/^key_[0-9a-f-]{36}$/),
      label: 'büro 🎉',
      tenant: 'acme',
      scopes: [Scope.FILES, Scope.CHAT],
      state: Key_State.ACTIVE,
      secretPrefix: secret?.slice(0, 9),
      limits: [
        {
          kind: Limit_Kind.DAY_BUDGET,
          value: 9_007_199_254_740_991n,
          model: '',
          outagePolicy: Limit_OutagePolicy.DENY,
        },
        { kind: Limit_Kind.DAY_BUDGET, value: 0n, model: 'openai/gpt-4o' },
      ],
      policy: {
        allowedModels: ['openai/*', 'glm-5'],
        deniedModels: [],
        allowedTools: [],
        deniedTools: ['web_search'],
        maxPromptTokens: 1,
      },
      createTime: { seconds: seconds(now), nanos: 0 },
      expireTime: { seconds: seconds(now + 60_000), nanos: 0 },
    })
  })

  test('belongs to the tenant of its maker when none is named', async () => {
    expect((await make({})).key).toMatchObject({ tenant: 'default' })
  })

  test.each<[string, Wish]>([
    ['the shortest label and tenant', { label: 'x', tenant: 'y' }],
    ['the longest label, counted in characters', { label: '🎉'.repeat(64) }],
    ['the longest tenant', { tenant: `${'a'.repeat(120)}.b_c:d@e` }],
    ['the shortest time', { expiration: { case: 'ttl', value: { nanos: 1 } } }],
    ['64 limits', { limits: Array.from({ length: 64 }, (_, i) => ({ kind: 1, model: `m${i}` })) }],
    ['256 names of tools', { policy: { deniedTools: Array.from({ length: 256 }, (_, i) => `t${i}`) } }],
    ['every scope', { scopes: [1, 2, 3, 4] }],
  ])('may have %s', async (_, wish) => {
    await make(wish)
  })

  const ttl = (value: { seconds?: bigint }): Wish => ({ expiration: { case: 'ttl', value } })
  const limit = (over: object): Wish => ({ limits: [{ kind: Limit_Kind.DAY_BUDGET, value: 1n, ...over }] })

  test.each<[RegExp, string, Wish]>([
    [/^label /, 'no label', { label: '' }],
    [/^label /, 'a label of 65 characters', { label: 'ü'.repeat(65) }],
    [/^label /, 'a label with a line break', { label: 'a\nb' }],
    [/^label /, 'a label with a control character of Latin-1', { label: 'a\u0085b' }],
    [/^label /, 'a label with a separator of lines', { label: 'a\u2028b' }],
    [/^label /, 'a label that turns the direction of what follows', { label: 'a\u202eb' }],
    [/^tenant /, 'a tenant of 129 characters', { tenant: 'a'.repeat(129) }],
    [/^tenant /, 'a tenant with a space', { tenant: 'a b' }],
    [/^tenant /, 'a tenant with a quotation mark', { tenant: "x' OR 1=1 --" }],
    [/^tenant /, 'a tenant with a line break at its end', { tenant: 'acme\n' }],
    [/^scopes /, 'no scopes', { scopes: [] }],
    [/^scopes\[1\] /, 'a scope that is none', { scopes: [Scope.CHAT, 0] }],
    [/^scopes\[0\] /, 'a scope of later', { scopes: [LATER] }],
    [/^ttl /, 'no time', ttl({})],
    [/^ttl /, 'a negative time', ttl({ seconds: -1n })],
    [/^ttl /, 'a time beyond the year 9999', ttl({ seconds: 315_576_000_000n })],
    [/^expire_time /, 'an end that was', { expiration: { case: 'expireTime', value: { seconds: 1n } } }],
    [/^expire_time /, 'an end at no time', { expiration: { case: 'expireTime', value: {} } }],
    [/^limits\[0\]\.kind /, 'a limit of nothing', limit({ kind: 0 })],
    [/^limits\[0\]\.kind /, 'a limit of later', limit({ kind: 99 })],
    [
      /^limits\[0\]\.kind is a limit of tenants/,
      'a limit of tenants',
      limit({ kind: Limit_Kind.STORED_BYTES }),
    ],
    [/^limits\[0\]\.value /, 'a negative limit', limit({ value: -1n })],
    [/^limits\[0\]\.value /, 'a limit that cannot be counted', limit({ value: 9_007_199_254_740_992n })],
    [/^limits\[0\]\.model /, 'a limit of a model with a space', limit({ model: 'a b' })],
    [/^limits\[0\]\.model /, 'a limit of a pattern', limit({ model: 'openai/*' })],
    [/^limits\[0\]\.outage_policy /, 'a policy of later', limit({ outagePolicy: 9 })],
    [/^limits must be at most 64/, '65 limits', { limits: Array.from({ length: 65 }, () => ({ kind: 1 })) }],
    [
      /^limits\[1\] has the kind and model of an earlier one/,
      'a limit twice, in other letters',
      {
        limits: [
          { kind: 1, model: 'A' },
          { kind: 1, model: 'a' },
        ],
      },
    ],
    [/^policy\.max_prompt_tokens /, 'prompts of nothing', { policy: { maxPromptTokens: 0 } }],
    [
      /^policy\.denied_tools must/,
      '257 tools',
      { policy: { deniedTools: Array.from({ length: 257 }, String) } },
    ],
    [/^policy\.allowed_models\[0\] /, 'a model without a name', { policy: { allowedModels: [''] } }],
    [
      /^policy\.allowed_models\[0\] may/,
      'a pattern that means nothing',
      { policy: { allowedModels: ['*'] } },
    ],
    [
      /^policy\.denied_models\[0\] may/,
      'a pattern in a name',
      { policy: { deniedModels: ['openai/gpt-*'] } },
    ],
    [/^policy\.denied_tools\[0\] /, 'a tool with a line break', { policy: { deniedTools: ['a\nb'] } }],
  ])('is refused with a problem of %s: %s', async (message, _, wish) => {
    await expect(make(wish)).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringMatching(message),
    })
    expect([rig.keys.rows.size, rig.keys.entries]).toEqual([0, []])
  })
})

describe('rotating and revoking', () => {
  test('change what they say, and nothing else', async () => {
    const { key: before, secret } = await make({ limits: [{ kind: 1, value: 5n }] })
    const keyId = before?.id ?? ''
    rig.clock.pass(1_000)
    const rotated = await rig.access.administration.rotate(
      OPERATOR,
      create(RotateKeyRequestSchema, { keyId }),
    )
    const rotateTime = { seconds: seconds(rig.clock.now()), nanos: 0 }
    expect(rotated.secret).toMatch(/^exai_[\w-]{43}$/)
    expect(rotated.secret).not.toBe(secret)
    expect(rotated.key).toEqual({ ...before, secretPrefix: rotated.secret?.slice(0, 9), rotateTime })
    rig.clock.pass(1_000)
    const revoke = () => rig.access.administration.revoke(OPERATOR, create(RevokeKeyRequestSchema, { keyId }))
    const revoked = await revoke()
    const revokeTime = { seconds: seconds(rig.clock.now()), nanos: 0 }
    expect(revoked.key).toEqual({ ...rotated.key, state: Key_State.REVOKED, revokeTime })
    rig.clock.pass(1_000)
    expect(await revoke()).toEqual(revoked)
  })

  test('find no key that is not there, or that has ended', async () => {
    const revoked = await makeKey(rig)
    await revokeKey(rig, revoked.id)
    const expired = await makeKey(rig, { expiration: { case: 'ttl', value: { seconds: 1n } } })
    rig.clock.pass(1_000)
    const unknown = [
      '',
      'key_',
      "key_' OR 1=1 --",
      'key_01935000-0000-7000-8000-000000000000',
      'x'.repeat(10_000),
    ]
    const missing = { reason: 'KEY_NOT_FOUND' }
    for (const id of [...unknown, revoked.id, expired.id])
      await expect(rotateKey(rig, id)).rejects.toMatchObject(missing)
    for (const id of unknown) await expect(revokeKey(rig, id)).rejects.toMatchObject(missing)
    await revokeKey(rig, expired.id)
  })
})

describe('the audit log', () => {
  test('has an entry for each act: who, when, what, to which key, and never a secret', async () => {
    const { id, secret } = await makeKey(rig, { tenant: 'acme' })
    const next = await rotateKey(rig, id)
    await revokeKey(rig, id)
    const by = { tenant: 'default', subject: 'somebody', requestId: 'request-1', at: rig.clock.now() }
    expect(rig.keys.entries).toMatchObject([
      {
        ...by,
        action: 'key.create',
        target: id,
        details: { tenant: 'acme', label: 'a key', scopes: 'chat' },
      },
      { ...by, action: 'key.rotate', target: id },
      { ...by, action: 'key.revoke', target: id },
    ])
    const told = JSON.stringify([rig.keys.entries, rig.lines])
    for (const text of [secret, next]) expect(told).not.toContain(text.slice(9))
    expect(rig.lines.map(({ fields }) => fields['action'])).toEqual([
      'key.create',
      'key.rotate',
      'key.revoke',
    ])
  })
})
