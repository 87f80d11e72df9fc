// Keys in a terminal: every fact in its place, and nothing that moves the cursor.
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { Key_State, KeySchema, Limit_Kind, Scope } from '#gen/exai/v1/key_pb'
import { keyLines, keyTable } from '../../../src/cli/key-table.ts'

const key = create(KeySchema, {
  id: 'key_1',
  label: 'büro 🎉',
  tenant: 'acme',
  scopes: [Scope.CHAT, Scope.ADMIN],
  state: Key_State.ACTIVE,
  secretPrefix: 'exai_abcd',
  limits: [{ kind: Limit_Kind.DAY_BUDGET, value: 5n, model: 'glm-5' }],
  createTime: { seconds: 1_795_366_800n, nanos: 999_000_000 },
})

test('a table has a line for each key, and its columns stand in line', () => {
  const other = create(KeySchema, {
    ...key,
    label: 'x',
    state: Key_State.REVOKED,
    expireTime: timestampFromMs(0),
  })
  expect(keyTable([key, other])).toBe(
    [
      'ID     LABEL   TENANT  SCOPES      STATE    SECRET      CREATED               EXPIRES               LAST USE',
      'key_1  büro 🎉  acme    chat admin  active   exai_abcd…  2026-11-22T17:00:00Z  never                 never',
      'key_1  x       acme    chat admin  revoked  exai_abcd…  2026-11-22T17:00:00Z  1970-01-01T00:00:00Z  never',
      '',
    ].join('\n'),
  )
  expect(keyTable([])).toMatch(/^ID .*LAST USE\n$/)
})

test('one key has a line for each fact, and its secret when there is one', () => {
  expect(keyLines(key, 'exai_secret')).toBe(
    [
      'id       key_1',
      'label    büro 🎉',
      'tenant   acme',
      'scopes   chat admin',
      'state    active',
      'created  2026-11-22T17:00:00Z',
      'expires  never',
      'limit    day_budget 5 of glm-5',
      'secret   exai_secret',
      '',
    ].join('\n'),
  )
  expect(keyLines(key)).not.toContain('secret')
})

test('what came from elsewhere is shown without control characters, and what is new as unknown', () => {
  const odd = create(KeySchema, { ...key, label: 'a\u001b[2Jb\u202ec\nd', state: JSON.parse('9') })
  expect(keyLines(odd)).toContain('label    a\ufffd[2Jb\ufffdc\ufffdd\n')
  expect(keyTable([odd])).toContain('unknown')
})
