// The `.env` file under the real environment.
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/config/config-error.ts'
import { readDotEnv } from '../../../src/config/dot-env.ts'
import type { Environment } from '../../../src/config/environment.ts'

const read = (text: string, env: Environment = {}) =>
  readDotEnv({
    env,
    cwd: '/srv/exai',
    readFile: path => {
      expect(path).toBe('/srv/exai/.env')
      return text
    },
  })

const failing = (code: string) => () => {
  throw Object.assign(new Error('read failed'), { code })
}

describe('a .env file', () => {
  test('is read with comments, quotes, exports and a byte order mark', () => {
    const text = '\uFEFFPORT=9000 # ours\n# HOST=0.0.0.0\nexport LOG_LEVEL="debug"\nOPENAI_API_KEY=a,b\n'
    expect(read(text)).toEqual({ PORT: '9000', LOG_LEVEL: 'debug', OPENAI_API_KEY: 'a,b' })
  })

  test('gives way to the real environment', () => {
    expect(read('PORT=9000\nHOST=::1', { PORT: '7000', PATH: '/bin' })).toEqual({
      PORT: '7000',
      PATH: '/bin',
      HOST: '::1',
    })
  })

  test('gives way to an empty variable, which takes a setting away', () => {
    expect(read('OPENAI_API_KEY=sk-one', { OPENAI_API_KEY: '' })).toEqual({ OPENAI_API_KEY: '' })
  })

  test('gives way to another name of the same setting', () => {
    expect(read('KIMI_API_KEY=from-file', { MOONSHOT_API_KEY: 'from-shell' })).toEqual({
      MOONSHOT_API_KEY: 'from-shell',
    })
  })

  test('need not be there', () => {
    expect(readDotEnv({ env: { PORT: '1' }, cwd: '.', readFile: failing('ENOENT') })).toEqual({ PORT: '1' })
  })

  test('that is there and cannot be read stops the start', () => {
    const act = () => readDotEnv({ env: {}, cwd: '.', readFile: failing('EACCES') })
    expect(act).toThrow(ConfigError)
    expect(act).toThrow('.env cannot be read (EACCES)')
  })
})
