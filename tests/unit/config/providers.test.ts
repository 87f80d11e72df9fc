// The providers of a configuration: what variables and the file make of them together, and each mistake in one line.
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { ConfigError } from '../../../src/config/config-error.ts'
import { secretsOf } from '../../../src/config/snapshot.ts'

type Env = Readonly<Record<string, string>>

const load = (env: Env, file = '') =>
  loadConfig({
    env: file === '' ? env : { ...env, EXAI_CONFIG: 'exai.yaml' },
    cwd: '/srv/exai',
    readFile: () => file,
  })

async function provider(id: string, env: Env, file = '') {
  const { snapshot } = await load(env, file)
  return snapshot.providers.find(one => one.id === id)
}

async function problemsOf(env: Env, file = ''): Promise<readonly string[]> {
  try {
    await load(env, file)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('a provider of the environment', () => {
  test.each<readonly [string, Env, string, string]>([
    ['glm', { GLM_API_KEY: 'k' }, 'k', 'https://api.z.ai/api/paas/v4'],
    ['glm', { ZHIPUAI_API_KEY: 'k', ZAI_BASE_URL: 'http://10.0.0.1/v4/' }, 'k', 'http://10.0.0.1/v4'],
    ['kimi', { KIMI_API_KEY: 'k' }, 'k', 'https://api.moonshot.ai/v1'],
    [
      'kimi',
      { MOONSHOT_API_KEY: 'k', MOONSHOT_API_URL: 'https://api.moonshot.cn/v1' },
      'k',
      'https://api.moonshot.cn/v1',
    ],
    ['minimax', { MINIMAX_API_KEY: 'k' }, 'k', 'https://api.minimax.io/v1'],
    [
      'minimax',
      { MINIMAX_API_KEY: 'k', MINIMAX_API_BASE: 'https://api.minimaxi.com/v1' },
      'k',
      'https://api.minimaxi.com/v1',
    ],
  ])('%s is made from %o', async (id, env, secret, baseUrl) => {
    expect(await provider(id, env)).toMatchObject({
      kind: id,
      id,
      baseUrl,
      keys: [{ secret, label: 'key-1' }],
    })
    expect((await load(env)).notices).toEqual([])
  })

  test('lets any model through only at another address than its own', async () => {
    expect(await provider('glm', { GLM_API_KEY: 'k' })).toMatchObject({ openEnded: false })
    const env = { GLM_API_KEY: 'k', GLM_BASE_URL: 'https://open.bigmodel.cn/api/paas/v4' }
    expect(await provider('glm', env)).toMatchObject({ openEnded: true })
  })

  test('is told when it has an address and no key', async () => {
    const { notices } = await load({ KIMI_BASE_URL: 'https://api.moonshot.cn/v1' })
    expect(notices).toEqual(['kimi is configured but has no key, and cannot be used: set KIMI_API_KEY'])
  })

  test('sends the organisation and the project of openai, and only there', async () => {
    const env = { OPENAI_ORG_ID: 'org-1', OPENAI_PROJECT_ID: 'proj_2', GLM_API_KEY: 'k' }
    expect(await provider('openai', env)).toMatchObject({
      headers: { 'openai-organization': 'org-1', 'openai-project': 'proj_2' },
    })
    expect(await provider('openai', {})).not.toHaveProperty('headers')
    expect(await provider('glm', env)).not.toHaveProperty('headers')
    expect(await problemsOf({ OPENAI_ORG_ID: 'org 1' })).toEqual([
      'OPENAI_ORG_ID must be at most 256 visible ASCII characters without spaces',
    ])
  })

  test.each<readonly [Env, string]>([
    [
      { GLM_BASE_URL: 'api.z.ai' },
      'GLM_BASE_URL must be an absolute URL that begins with http:// or https://',
    ],
    [
      { MINIMAX_API_KEY: 'sk a' },
      'MINIMAX_API_KEY contains a space, a control or a non-ASCII character: copy the key again',
    ],
    [{ ALLOW_PRIVATE_URLS: 'yes' }, 'ALLOW_PRIVATE_URLS must be 0 or 1'],
  ])('is refused with %o', async (env, problem) => {
    expect(await problemsOf(env)).toEqual([problem])
  })

  test('may be given media from private addresses when the operator says so', async () => {
    expect((await load({ ALLOW_PRIVATE_URLS: '1' })).allowPrivateUrls).toBe(true)
  })
})

describe('a provider of the file', () => {
  test('stands after the four and before the sandbox, in the order of the file', async () => {
    const file =
      'providers: [{ name: b, preset: ollama }, { name: glm, api_key: k }, { name: a, preset: vllm }]'
    const { snapshot } = await load({}, file)
    expect(snapshot.providers.map(({ id }) => id)).toEqual([
      'openai',
      'glm',
      'kimi',
      'minimax',
      'b',
      'a',
      'sandbox',
    ])
  })

  test.each(['ollama', 'vllm', 'llama.cpp'])('of the preset %s needs nothing more', async preset => {
    expect(await provider('local', {}, `providers: [{ name: local, preset: ${preset} }]`)).toEqual({
      kind: 'openai-compatible',
      id: 'local',
      preset,
      keys: [],
      openEnded: true,
    })
  })

  test('may be another account of one of the four, under its own name', async () => {
    const file =
      'providers: [{ name: glm-coding, kind: glm, api_key: k, base_url: https://api.z.ai/api/coding/paas/v4 }]'
    expect(await provider('glm-coding', {}, file)).toEqual({
      kind: 'glm',
      id: 'glm-coding',
      baseUrl: 'https://api.z.ai/api/coding/paas/v4',
      keys: [{ secret: 'k', label: 'key-1' }],
      openEnded: true,
    })
  })

  test('with the name of one of the four adds keys, and says more of those that are there', async () => {
    const file = [
      'providers:',
      '  - name: kimi',
      '    keys:',
      '      - { api_key: sk-b, label: second, account: team }',
      '      - { api_key_env: CN_KEY, label: china, base_url: https://api.moonshot.cn/v1/ }',
      '      - { api_key: sk-d }',
    ].join('\n')
    const env = { KIMI_API_KEY: 'sk-a,sk-b', CN_KEY: 'sk-c' }
    expect(await provider('kimi', env, file)).toMatchObject({
      baseUrl: 'https://api.moonshot.ai/v1',
      keys: [
        { secret: 'sk-a', label: 'key-1' },
        { secret: 'sk-b', label: 'second', account: 'team' },
        { secret: 'sk-c', label: 'china', baseUrl: 'https://api.moonshot.cn/v1' },
        { secret: 'sk-d', label: 'key-4' },
      ],
      openEnded: false,
    })
    const { snapshot } = await load(env, file)
    expect(secretsOf(snapshot)).toEqual(['sk-a', 'sk-b', 'sk-c', 'sk-d'])
  })

  test('with the name of one of the four wins with its address, and the log says so', async () => {
    const env = { GLM_API_KEY: 'k', GLM_BASE_URL: 'https://one.example/v4' }
    const file = 'providers: [{ name: glm, base_url: https://two.example/v4, open_ended: false }]'
    expect(await provider('glm', env, file)).toMatchObject({
      baseUrl: 'https://two.example/v4',
      openEnded: false,
    })
    expect((await load(env, file)).notices).toEqual([
      'GLM_BASE_URL is ignored, because the config file gives glm a base_url',
    ])
  })

  test('with the name of one of the four and no key anywhere is told', async () => {
    const { notices } = await load({}, 'providers: [{ name: minimax, models: [{ id: m }] }]')
    expect(notices).toEqual(['minimax is configured but has no key, and cannot be used: set MINIMAX_API_KEY'])
  })

  test.each<readonly [string, string, string]>([
    ['neither kind nor preset', '{ name: a, api_key: k }', '.kind is missing: give a kind or a preset'],
    [
      'an unknown preset',
      '{ name: a, preset: lmstudio }',
      '.preset must be ollama or vllm or llama.cpp or deepseek or openrouter',
    ],
    ['no address', '{ name: a, kind: openai-compatible }', '.base_url is missing'],
    [
      'an address that is none',
      '{ name: a, kind: openai-compatible, base_url: host/v1 }',
      '.base_url must be an absolute URL that begins with http:// or https://',
    ],
    [
      'two ways to say what it is',
      '{ name: a, preset: vllm, kind: glm, api_key: k }',
      '.preset does not fit the kind glm: keep one of the two',
    ],
    [
      'a kind against its name',
      '{ name: glm, kind: kimi }',
      '.kind does not fit the name glm: remove it, or choose another name',
    ],
    [
      'a preset against its name',
      '{ name: glm, preset: vllm }',
      '.preset does not fit the name glm: remove it, or choose another name',
    ],
    [
      'a preset that wants a key',
      '{ name: a, preset: deepseek }',
      ' has no key: give it api_key, api_key_env or keys',
    ],
    [
      'a kind that wants a key',
      '{ name: a, kind: glm, keys: [] }',
      ' has no key: give it api_key, api_key_env or keys',
    ],
    [
      'keys in two places',
      '{ name: glm, api_key: k, keys: [] }',
      '.keys stands beside api_key or api_key_env: keep one',
    ],
    [
      'a key without a key',
      '{ name: glm, keys: [{ label: a }] }',
      '.keys[0].api_key is missing: give api_key or api_key_env',
    ],
    [
      'a key with spaces',
      '{ name: glm, keys: [{ api_key: "very secret" }] }',
      '.keys[0].api_key contains a space, a control or a non-ASCII character: copy the key again',
    ],
    [
      'a variable that is not set',
      '{ name: glm, keys: [{ api_key_env: NONE }] }',
      '.keys[0].api_key_env names NONE, which is not set',
    ],
    [
      'several keys in one',
      '{ name: glm, keys: [{ api_key: "a,b" }] }',
      '.keys[0] holds several keys: give each an entry of its own',
    ],
    [
      'a label twice',
      '{ name: glm, keys: [{ api_key: a, label: x }, { api_key: b, label: x }] }',
      '.keys[1].label is given twice: give each key its own label',
    ],
    [
      'the key as its label',
      '{ name: glm, keys: [{ api_key: very-secret, label: very-secret }] }',
      '.keys[0].label is the key itself, and would be shown',
    ],
    [
      'a label of the unlabelled',
      '{ name: glm, keys: [{ api_key: a, label: key-2 }] }',
      '.keys[0].label must be 1 to 32 letters, digits, dots, dashes and underscores, and not like key-1, which keys without a label get',
    ],
    [
      'an address of a key that is none',
      '{ name: glm, keys: [{ api_key: a, base_url: x }] }',
      '.keys[0].base_url must be an absolute URL that begins with http:// or https://',
    ],
  ])('is refused with %s', async (_, entry, problem) => {
    expect(await problemsOf({}, `providers: [${entry}]`)).toEqual([`exai.yaml:1: providers[0]${problem}`])
  })
})
