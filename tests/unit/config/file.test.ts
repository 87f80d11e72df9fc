// The config file: what it adds, and that each of its problems has a line, a place and a remedy.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { type ConfigFile, parseConfigFile } from '../../../src/config/file.ts'
import { root } from '../../support/tools.ts'

const env = { LOCAL_KEY: 'sk-local-1, sk-local-2', SPACED_KEY: 'sk spaced' }

function read(text: string): ConfigFile {
  const result = parseConfigFile({ text, label: 'exai.yaml', env })
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.file
}

function problemsOf(text: string): readonly string[] {
  const result = parseConfigFile({ text, label: 'exai.yaml', env })
  return result.ok ? [] : result.problems
}

const provider = (...lines: readonly string[]) =>
  [
    'providers:',
    '  - name: local',
    '    kind: openai-compatible',
    '    base_url: http://127.0.0.1:1/v1',
    ...lines,
  ].join('\n')

describe('the example in docs/configuration.md', () => {
  const example =
    /```yaml\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/configuration.md'), 'utf8'))?.[1] ?? ''

  test('is a whole configuration', async () => {
    const { snapshot } = await loadConfig({
      env: {
        EXAI_CONFIG: 'exai.yaml',
        DEEPSEEK_API_KEY: 'sk-deep',
        GLM_API_KEY: 'id.international',
        BIGMODEL_API_KEY: 'id.china',
      },
      cwd: '/srv',
      readFile: () => example,
    })
    expect(snapshot.providers.map(({ id }) => id)).toEqual([
      'openai',
      'glm',
      'kimi',
      'minimax',
      'local',
      'deepseek',
      'sandbox',
    ])
    expect(snapshot.providers[1]).toMatchObject({
      baseUrl: 'https://api.z.ai/api/paas/v4',
      keys: [
        { secret: 'id.international', label: 'key-1' },
        {
          secret: 'id.china',
          label: 'china',
          baseUrl: 'https://open.bigmodel.cn/api/paas/v4',
          account: 'bigmodel',
          maxConcurrent: 5,
        },
      ],
      openEnded: false,
    })
    expect(snapshot.providers[5]).toEqual({
      kind: 'openai-compatible',
      id: 'deepseek',
      preset: 'deepseek',
      keys: [{ secret: 'sk-deep', label: 'key-1' }],
      openEnded: true,
    })
    expect(snapshot.models).toEqual([
      {
        provider: 'local',
        id: 'qwen3:8b',
        aliases: ['qwen'],
        contextWindow: 32_768,
        maxOutputTokens: 8192,
        price: { input: 0, output: 0 },
        quality: 2,
        capabilities: {
          tools: true,
          structuredOutput: 'json_schema',
          reasoning: 'optional',
          modalitiesIn: ['text'],
        },
      },
      { provider: 'local', id: 'nomic-embed-text', capabilities: { modalitiesOut: ['embedding'] } },
      {
        provider: 'openai',
        id: 'gpt-5.4',
        price: { input: 2.25, output: 13.5, cachedInput: 0.225 },
        capabilities: {},
      },
    ])
    expect(snapshot.aliases).toEqual([{ alias: 'fast', model: 'local/qwen3:8b' }])
    expect(snapshot).toMatchObject({
      limits: [
        { provider: 'local', maxConcurrent: 8 },
        { provider: 'local', model: 'qwen3:8b', maxConcurrent: 4 },
      ],
      chains: [
        { model: 'gpt-5.4', fallbacks: ['kimi/kimi-k3', 'glm-5.3'] },
        { model: 'fast', fallbacks: ['auto'] },
      ],
      // What the example shows are the defaults.
      queue: { maxWaiting: 100, maxWaitMs: 10_000 },
      circuit: { window: 20, callsMin: 10, failurePercent: 50, openMs: 30_000 },
    })
  })

  test('needs the variable that it names', async () => {
    const line = example.split('\n').findIndex(text => text.includes('DEEPSEEK_API_KEY')) + 1
    const env = { EXAI_CONFIG: 'conf/exai.yaml', BIGMODEL_API_KEY: 'id.china' }
    const act = loadConfig({ env, cwd: '/srv', readFile: () => example })
    await expect(act).rejects.toMatchObject({
      problems: [`exai.yaml:${line}: providers[2].api_key_env names DEEPSEEK_API_KEY, which is not set`],
    })
  })
})

describe('a config file', () => {
  test('may be empty', () => {
    expect(read('# nothing yet\n')).toMatchObject({ providers: [], models: [], aliases: [], chains: [] })
  })

  test('gives a provider its keys from a variable, from itself, or none', () => {
    expect(read(provider('    api_key_env: LOCAL_KEY')).providers[0]?.keys).toEqual([
      { secret: 'sk-local-1' },
      { secret: 'sk-local-2' },
    ])
    expect(read(provider('    api_key: sk-own')).providers[0]?.keys).toEqual([{ secret: 'sk-own' }])
    expect(read(provider()).providers[0]?.keys).toEqual([])
  })

  test('lets every name through to a provider without listed models, and no other to one with', () => {
    expect(read(provider()).providers[0]?.openEnded).toBe(true)
    expect(read(provider('    models: [{ id: a }]')).providers[0]?.openEnded).toBe(false)
    expect(read(provider('    models: [{ id: a }]', '    open_ended: true')).providers[0]?.openEnded).toBe(
      true,
    )
  })

  test('leaves a price unknown that is not given', () => {
    expect(read(provider('    models: [{ id: a, vision: true }]')).models[0]).toMatchObject({
      price: undefined,
      capabilities: { modalitiesIn: ['text', 'image'] },
    })
  })

  test('leaves open whether a model chats or embeds, unless it is told', () => {
    const outOf = (more: string) =>
      read(provider(`    models: [{ id: a${more} }]`)).models[0]?.capabilities?.modalitiesOut
    expect([outOf(''), outOf(', embeddings: true'), outOf(', embeddings: false')]).toEqual([
      undefined,
      ['embedding'],
      ['text'],
    ])
  })

  test('names all of its problems at once', () => {
    const text = [
      'providers:',
      '  - name: Local',
      '    kind: ollama',
      '    base-url: http://127.0.0.1',
      '    api_key: 12345',
      '    models:',
      '      - id: a',
      '        context_window: 0',
      '        input_price: -1',
      'alias: {}',
    ].join('\n')
    expect([...problemsOf(text)].sort()).toEqual([
      'exai.yaml:10: alias is not known: correct or remove it',
      'exai.yaml:2: providers[0].name must be 1 to 32 lower-case letters, digits and dashes, a letter first',
      'exai.yaml:3: providers[0].kind must be openai or glm or kimi or minimax or openai-compatible',
      'exai.yaml:4: providers[0].base-url is not known: correct or remove it',
      'exai.yaml:5: providers[0].api_key must be of the type string',
      'exai.yaml:8: providers[0].models[0].context_window must be at least 1',
      'exai.yaml:9: providers[0].models[0].input_price must be at least 0',
    ])
  })

  test.each<readonly [string, string, string]>([
    [
      'a provider twice',
      `${provider()}\n${provider().slice('providers:\n'.length)}`,
      'exai.yaml:5: providers[1].name is given twice: give each provider its own name',
    ],
    [
      'a reserved name',
      provider().replace('local', 'sandbox'),
      'exai.yaml:2: providers[0].name is a name of this service: choose another',
    ],
    [
      'two keys',
      provider('    api_key: a', '    api_key_env: LOCAL_KEY'),
      'exai.yaml:6: providers[0].api_key_env stands beside api_key: keep one of the two',
    ],
    [
      'a key that no header can carry',
      provider('    api_key: "sk spaced"'),
      'exai.yaml:5: providers[0].api_key contains a space, a control or a non-ASCII character: copy the key again',
    ],
    [
      'a variable with such a key',
      provider('    api_key_env: SPACED_KEY'),
      'exai.yaml:5: providers[0].api_key_env names SPACED_KEY, which contains a space, a control or a non-ASCII character: copy the key again',
    ],
    [
      'an address with a query',
      provider().replace('/v1', '/v1?key=x'),
      'exai.yaml:4: providers[0].base_url must be a URL without query and fragment: end it with its path',
    ],
    [
      'a closed provider without models',
      provider('    open_ended: false'),
      'exai.yaml:2: providers[0].models is missing: list the models, or set open_ended: true',
    ],
    [
      'a model twice',
      provider('    models: [{ id: a }, { id: A }]'),
      'exai.yaml:5: providers[0].models[1].id is given twice: describe each model once',
    ],
    [
      'half a price',
      provider('    models: [{ id: a, input_price: 1 }]'),
      'exai.yaml:5: providers[0].models[0] has half a price: give input_price and output_price, or neither',
    ],
    [
      'a model of nobody',
      'models: [{ provider: local, id: a }]',
      'exai.yaml:1: models[0].provider is no provider of this configuration',
    ],
    [
      'an alias called auto',
      'aliases: { Auto: gpt-5.4 }',
      'exai.yaml:1: aliases.Auto has a meaning of its own: choose another alias',
    ],
    [
      'an alias of an alias',
      'aliases:\n  a: gpt-5.4\n  b: A',
      'exai.yaml:3: aliases.b must lead to a model, not to another alias',
    ],
    [
      'two aliases alike',
      'aliases:\n  a: gpt-5.4\n  A: gpt-5.4',
      'exai.yaml:3: aliases.A differs from another alias in letter case only',
    ],
    ['a list as the whole', '- a', 'exai.yaml: the file must be of the type object'],
    ['a key twice', 'aliases: {}\naliases: {}', 'exai.yaml:2:1: not valid YAML (duplicate key)'],
    [
      'an alias without anchor',
      'aliases: *nowhere',
      'exai.yaml: not valid YAML (its aliases cannot be resolved)',
    ],
  ])('is refused with %s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem])
  })

  test('never has its secrets in a problem', () => {
    const secret = 'sk-very-secret-value'
    const broken = [
      provider(`    api_key: ${secret}: x`),
      provider(`    api_key: [${secret}]`),
      provider(`    api_key: "${secret} b"`),
      provider(`\t  api_key: ${secret}`),
      provider(`    ${'api_key'}: ${secret}`, `    kind: ${secret}`),
      provider(`    open_ended: ${secret}`),
    ]
    for (const text of broken) {
      const problems = problemsOf(text)
      expect(problems.length, text).toBeGreaterThan(0)
      expect(problems.join('\n')).not.toContain(secret)
    }
  })
})
