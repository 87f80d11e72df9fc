// The table of settings: its own soundness, and that what is made from it is what is committed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { envExample, markers, withSettingsTable } from '../../../scripts/env-example.ts'
import { namesOf } from '../../../src/config/environment.ts'
import { settingRows } from '../../../src/config/settings.ts'
import { root } from '../../support/tools.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')

describe('the settings', () => {
  test('have the names of the Python service and those of every provider', () => {
    const names = settingRows().map(([name]) => name)
    const promised =
      'SUPABASE_URL SUPABASE_KEY OPENAI_API_KEY GLM_API_KEY KIMI_API_KEY REDIS_URL HOST PORT LOG_LEVEL ' +
      'MINIMAX_API_KEY OPENAI_BASE_URL GLM_BASE_URL KIMI_BASE_URL MINIMAX_BASE_URL JWT_SECRET JWT_JWKS_URL ' +
      'EXAI_AUTH KEY_PEPPER DATA_DIR MAX_REQUEST_BYTES WORKERS EXAI_CONFIG REQUEST_TIMEOUT'
    expect(names).toEqual(expect.arrayContaining(promised.split(' ')))
  })

  test('have no name twice', () => {
    const names = settingRows().flatMap(([name, row]) => namesOf(name, row))
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  test.each(settingRows().filter(([, row]) => row.default !== undefined))(
    '%s has a default that is right',
    (_, row) => {
      expect(row.kind.parse(row.default ?? '')).toMatchObject({ ok: true })
    },
  )

  test('hold no secret in a default', () => {
    const leaking = settingRows().filter(([, row]) => row.secret && row.default !== undefined)
    expect(leaking).toEqual([])
  })

  test('mark every key, secret and pepper as secret, and the address that carries a password', () => {
    const secret = settingRows().filter(([, row]) => row.secret)
    const names =
      'JWT_SECRET KEY_PEPPER EXAI_API_KEY OPENAI_API_KEY GLM_API_KEY KIMI_API_KEY MINIMAX_API_KEY SUPABASE_KEY ' +
      'REDIS_URL OTEL_EXPORTER_OTLP_HEADERS'
    expect(secret.map(([name]) => name)).toEqual(names.split(' '))
  })
})

describe('what is made from the table', () => {
  const remedy = 'run node scripts/env-example.ts'

  test('.env.example is current', () => {
    expect(read('.env.example'), remedy).toBe(envExample())
  })

  test('a fresh copy of .env.example sets nothing', () => {
    expect(parseEnv(read('.env.example'))).toEqual({})
  })

  test('.env.example without its comment signs sets every setting', () => {
    const names = Object.keys(parseEnv(read('.env.example').replace(/^# (?=[A-Z_]+=)/gm, '')))
    expect(names.sort()).toEqual(
      settingRows()
        .map(([name]) => name)
        .sort(),
    )
  })

  test('the table in docs/configuration.md is current', () => {
    const document = read('docs/configuration.md')
    expect(document, remedy).toBe(withSettingsTable(document))
  })

  test('the table in docs/configuration.md has a row for every setting', () => {
    const rows = read('docs/configuration.md').match(/^\| `[A-Z_]+`/gm) ?? []
    expect(rows.length).toBe(settingRows().length)
  })

  test('a document without the markers is refused', () => {
    expect(() => withSettingsTable('# Configuration')).toThrow(markers[0])
    expect(() => withSettingsTable(markers[0])).toThrow(markers[1])
  })
})
