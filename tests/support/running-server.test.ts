// The search for secrets in what services write, which every test that starts one relies on.
import { expect, it } from 'vitest'
import { secretsIn } from './running-server.ts'

const env = {
  OPENAI_API_KEY: 'sk-first-of-two, sk-second-of-two',
  JWT_SECRET: 'thirty-two-characters-of-a-secret',
  KIMI_API_KEY: 'short',
  LOG_LEVEL: 'sk-first-of-two',
}

it('a secret of the settings is found in a text, by the name of its setting', () => {
  expect(secretsIn('{"msg":"call","key":"sk-second-of-two"}', env)).toEqual(['OPENAI_API_KEY'])
  expect(secretsIn('Bearer thirty-two-characters-of-a-secret', env)).toEqual(['JWT_SECRET'])
})

it('nothing is found where none stands, nor what is too short to be told from a word', () => {
  expect(secretsIn('{"msg":"listening","why":"a short start"}', env)).toEqual([])
})
