// The list of keys: its order, its pages, its filters, and what it never shows.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ListKeysRequestSchema } from '#gen/exai/v1/access_service_pb'
import { Key_State } from '#gen/exai/v1/key_pb'
import { type AccessRig, makeKey, openAccessRig, revokeKey } from '../../support/access-rig.ts'

let rig: AccessRig
beforeEach(async () => {
  rig = await openAccessRig()
})
afterEach(() => rig.close())

/** A value that a later version of the contract may have. */
const LATER: Key_State = JSON.parse('9')

type Query = Extract<MessageInitShape<typeof ListKeysRequestSchema>, { readonly $typeName?: never }>

const list = (query: Query = {}) => rig.access.administration.list(create(ListKeysRequestSchema, query))
const seconds = (ms: number) => BigInt(ms / 1000)

describe('the list', () => {
  test('is newest first, page by page, and each key is there once', async () => {
    const made: string[] = []
    for (let each = 0; each < 5; each += 1) {
      made.push((await makeKey(rig)).id)
      rig.clock.pass(1)
    }
    const seen: string[] = []
    let pageToken = ''
    let pages = 0
    do {
      const page = await list({ pageSize: 2, pageToken })
      seen.push(...(page.keys ?? []).map(({ id = '' }) => id))
      pageToken = page.nextPageToken ?? ''
      pages += 1
    } while (pageToken !== '')
    expect([seen, pages]).toEqual([made.toReversed(), 3])
  })

  test('keeps those of a tenant and of states, as they stand now', async () => {
    const ttl = { expiration: { case: 'ttl', value: { seconds: 1n } } } as const
    const expired = await makeKey(rig, ttl)
    const both = await makeKey(rig, { ...ttl, tenant: 'acme' })
    const active = await makeKey(rig, { tenant: 'acme' })
    await revokeKey(rig, both.id)
    rig.clock.pass(1_000)
    const ids = async (query: Query) => ((await list(query)).keys ?? []).map(({ id }) => id).sort()
    expect(await ids({ states: [Key_State.EXPIRED] })).toEqual([expired.id])
    expect(await ids({ states: [Key_State.REVOKED, Key_State.ACTIVE] })).toEqual([both.id, active.id].sort())
    expect(await ids({ tenant: 'acme' })).toEqual([both.id, active.id].sort())
    expect(await ids({ tenant: 'acme', states: [Key_State.EXPIRED] })).toEqual([])
    expect(await ids({ tenant: "x' OR 1=1 --" })).toEqual([])
    expect((await list({ states: [Key_State.REVOKED] })).keys).toMatchObject([
      { state: Key_State.REVOKED, revokeTime: { seconds: seconds(rig.clock.now() - 1_000) } },
    ])
  })

  test('shows no secret and no hash', async () => {
    const { secret } = await makeKey(rig)
    const answer = await list()
    const text = JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? String(value) : value))
    expect(text).not.toContain(secret.slice(9))
    expect(Object.keys(answer.keys?.[0] ?? {})).not.toContain('hash')
  })

  test('refuses what cannot be asked', async () => {
    for (let each = 0; each < 3; each += 1) await makeKey(rig)
    const { nextPageToken: pageToken = '' } = await list({ pageSize: 1 })
    const damaged = Buffer.from(`${Buffer.from(pageToken, 'base64url').toString().slice(0, 8)}x' OR 1=1`)
    const queries: readonly Query[] = [
      { pageSize: -1 },
      { pageToken: 'nonsense' },
      { pageToken, tenant: 'acme' },
      { pageToken, states: [Key_State.ACTIVE] },
      { pageToken: damaged.toString('base64url') },
      { states: [0] },
      { states: [LATER] },
    ]
    for (const query of queries)
      await expect(list(query)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' })
    expect((await list({ pageSize: 1, pageToken })).keys).toHaveLength(1)
  })
})
