// What only a restart brings in: settings that say something else now, by name and never by value.
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Environment } from '../../../src/config/environment.ts'
import { restartNeeds } from '../../../src/config/restart.ts'
import { type SelfSigned, selfSigned } from '../../support/self-signed.ts'

async function needs(
  before: Environment,
  now: Environment,
  files: Record<string, string> = {},
  later = files,
) {
  const cwd = '/srv/exai'
  const at = (all: Record<string, string>) => (path: string) => {
    const text = all[path]
    if (text === undefined) throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' })
    return text
  }
  const config = await loadConfig({ env: before, cwd, readFile: at(files) })
  return restartNeeds({ config, before, now, cwd, readFile: at(later) })
}

describe('a change of the environment', () => {
  it('is nothing as long as every setting says the same, under whatever name', async () => {
    expect(await needs({}, {})).toEqual([])
    expect(await needs({ PORT: '8080', HOME: '/one' }, { PORT: ' 8080 ', HOME: '/two', HOST: '' })).toEqual(
      [],
    )
    expect(await needs({ MOONSHOT_API_KEY: 'k' }, { KIMI_API_KEY: 'k' })).toEqual([])
  })

  it('is told by the names of the settings', async () => {
    const before = { PORT: '8080', DATA_DIR: './data', GLM_API_KEY: 'one' }
    const now = { PORT: '9090', ZAI_API_KEY: 'two', REDIS_URL: 'redis://127.0.0.1' }
    expect(await needs(before, now)).toEqual(['PORT', 'GLM_API_KEY', 'DATA_DIR', 'REDIS_URL'])
  })
})

describe('a certificate', () => {
  it('that has been renewed, or is gone, is told by the names of its files', async () => {
    const [old, fresh] = [selfSigned(), selfSigned()]
    const env = { TLS_CERT: 'tls.crt', TLS_KEY: 'tls.key' }
    const files = (one: SelfSigned) => ({ '/srv/exai/tls.crt': one.cert, '/srv/exai/tls.key': one.key })
    expect(await needs(env, env, files(old))).toEqual([])
    expect(await needs(env, env, files(old), files(fresh))).toEqual(['TLS_CERT', 'TLS_KEY'])
    expect(await needs(env, env, files(old), {})).toEqual(['TLS_CERT', 'TLS_KEY'])
    expect(await needs(env, { ...env, TLS_KEY: 'other.key' }, files(old))).toEqual(['TLS_KEY'])
  })
})
