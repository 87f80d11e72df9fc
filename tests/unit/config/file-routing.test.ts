// The routing in the config file: limits, fallbacks, queue and circuit, and each mistake with its line and its place.
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { parseConfigFile } from '../../../src/config/file.ts'
import type { RoutingConfig } from '../../../src/config/snapshot.ts'

const load = async (text: string) =>
  (await loadConfig({ env: { EXAI_CONFIG: 'exai.yaml' }, cwd: '/srv', readFile: () => text })).snapshot

function problemsOf(text: string): readonly string[] {
  const result = parseConfigFile({ text, label: 'exai.yaml', env: {} })
  return result.ok ? [] : result.problems
}

const usual: RoutingConfig = {
  limits: [],
  chains: [],
  queue: { maxWaiting: 100, maxWaitMs: 10_000 },
  circuit: { window: 20, callsMin: 10, failurePercent: 50, openMs: 30_000 },
}

const local = (...lines: readonly string[]) =>
  [
    'providers:',
    '  - name: local',
    '    kind: openai-compatible',
    '    base_url: http://127.0.0.1:1/v1',
    ...lines,
  ].join('\n')

describe('the routing of a configuration', () => {
  test('has its defaults without a file, and with a file that says nothing of it', async () => {
    const { snapshot } = await loadConfig({ env: {}, cwd: '/srv', readFile: () => '' })
    expect(snapshot).toMatchObject(usual)
    expect(await load('# nothing yet\n')).toMatchObject(usual)
    expect(await load('routing: { queue: {}, circuit: {} }\n')).toMatchObject(usual)
  })

  test('has the limits of providers, models and keys', async () => {
    const snapshot = await load(
      local(
        '    max_concurrent: 8',
        '    models: [{ id: a, max_concurrent: 2, quality: 4 }, { id: b }]',
        '    keys: [{ api_key: sk-1, max_concurrent: 3 }, { api_key: sk-2 }]',
        'models: [{ provider: glm, id: glm-5.3, max_concurrent: 1, quality: 1 }]',
      ),
    )
    expect(snapshot.limits).toEqual([
      { provider: 'local', maxConcurrent: 8 },
      { provider: 'local', model: 'a', maxConcurrent: 2 },
      { provider: 'glm', model: 'glm-5.3', maxConcurrent: 1 },
    ])
    expect(snapshot.providers.find(({ id }) => id === 'local')).toMatchObject({
      keys: [
        { secret: 'sk-1', label: 'key-1', maxConcurrent: 3 },
        { secret: 'sk-2', label: 'key-2' },
      ],
    })
    expect(snapshot.models.map(({ id, quality }) => [id, quality])).toEqual([
      ['a', 4],
      ['b', undefined],
      ['glm-5.3', 1],
    ])
  })

  test('has a limit for a provider that needs no entry otherwise, and for its keys of the variables', async () => {
    const text = 'providers: [{ name: glm, max_concurrent: 4, keys: [{ api_key: sk-1, max_concurrent: 2 }] }]'
    const { snapshot } = await loadConfig({
      env: { EXAI_CONFIG: 'exai.yaml', GLM_API_KEY: 'sk-1,sk-2' },
      cwd: '/srv',
      readFile: () => text,
    })
    expect(snapshot.limits).toEqual([{ provider: 'glm', maxConcurrent: 4 }])
    expect(snapshot.providers[1]).toMatchObject({
      keys: [{ secret: 'sk-1', maxConcurrent: 2 }, { secret: 'sk-2' }],
    })
  })

  test('has fallbacks, a queue and a circuit as written', async () => {
    const snapshot = await load(
      [
        'aliases: { fast: kimi-k3 }',
        'routing:',
        '  fallbacks:',
        '    gpt-5.4: [kimi/kimi-k3, glm-5.3]',
        '    fast: [auto]',
        '  queue: { max_waiting: 0, max_wait: 2.5 }',
        '  circuit: { window: 50, min_calls: 5, failure_ratio: 0.25, open_seconds: 1.5 }',
      ].join('\n'),
    )
    expect(snapshot).toMatchObject({
      chains: [
        { model: 'gpt-5.4', fallbacks: ['kimi/kimi-k3', 'glm-5.3'] },
        { model: 'fast', fallbacks: ['auto'] },
      ],
      queue: { maxWaiting: 0, maxWaitMs: 2500 },
      circuit: { window: 50, callsMin: 5, failurePercent: 25, openMs: 1500 },
    })
  })
})

describe('a routing', () => {
  test.each<readonly [string, string, readonly string[]]>([
    [
      'a limit of none',
      local('    max_concurrent: 0'),
      ['exai.yaml:5: providers[0].max_concurrent must be at least 1'],
    ],
    [
      'limits that are no whole numbers',
      local(
        '    models: [{ id: a, max_concurrent: many }]',
        '    keys:',
        '      - { api_key: k, max_concurrent: 1.5 }',
      ),
      [
        'exai.yaml:7: providers[0].keys[0].max_concurrent must be of the type int',
        'exai.yaml:5: providers[0].models[0].max_concurrent must be of the type number',
      ],
    ],
    [
      'a quality beyond the best',
      local('    models: [{ id: a, quality: 6 }]'),
      ['exai.yaml:5: providers[0].models[0].quality must be at most 5'],
    ],
    [
      'a queue too long, and a wait without end',
      'routing:\n  queue:\n    max_waiting: 10001\n    max_wait: 3600',
      [
        'exai.yaml:3: routing.queue.max_waiting must be at most 10000',
        'exai.yaml:4: routing.queue.max_wait must be at most 600',
      ],
    ],
    [
      'a misspelt name',
      'routing:\n  fallback: {}',
      ['exai.yaml:2: routing.fallback is not known: correct or remove it'],
    ],
    [
      'a circuit that never has enough calls',
      'routing:\n  circuit:\n    min_calls: 21',
      [
        'exai.yaml:3: routing.circuit.min_calls must be at most the window, which is 20: more calls are never looked at',
      ],
    ],
    [
      'a window below the usual number of calls',
      'routing:\n  circuit:\n    window: 9',
      ['exai.yaml:3: routing.circuit.window must be at least min_calls, which is 10: give min_calls, too'],
    ],
    [
      'fallbacks of auto',
      'routing:\n  fallbacks:\n    Auto: [glm-5.3]',
      ['exai.yaml:3: routing.fallbacks.Auto chooses among all models by itself: name a model instead'],
    ],
    [
      'no fallback',
      'routing:\n  fallbacks:\n    a: []',
      ['exai.yaml:3: routing.fallbacks.a must have at least 1 entry'],
    ],
    [
      'more fallbacks than a call has candidates',
      'routing:\n  fallbacks:\n    a: [b, c, d, e, f, g, h, i, j]',
      ['exai.yaml:3: routing.fallbacks.a must have at most 8 entries'],
    ],
    [
      'names that say nothing new',
      'routing:\n  fallbacks:\n    a: [b, A, B]\n    A: [c]',
      [
        'exai.yaml:3: routing.fallbacks.a[1] leads back to the model itself: remove it',
        'exai.yaml:3: routing.fallbacks.a[2] is given twice: name each model once',
        'exai.yaml:4: routing.fallbacks.A differs from another model in letter case only',
      ],
    ],
    [
      'models that a provider cannot have',
      `${local('    models: [{ id: a, aliases: [one] }]')}\n${[
        'aliases: { ok: LOCAL/One, wrong: local/b }',
        'routing:',
        '  fallbacks:',
        '    local/c: [local/a, local/d, elsewhere/d, d]',
      ].join('\n')}`,
      [
        'exai.yaml:6: aliases.wrong names a model that local does not list',
        'exai.yaml:9: routing.fallbacks.local/c names a model that local does not list',
        'exai.yaml:9: routing.fallbacks.local/c[1] names a model that local does not list',
      ],
    ],
  ])('is refused with %s', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems)
  })

  test('may name any model of a provider that passes every name on, and of the four', () => {
    const chain = 'routing: { fallbacks: { local/x: [glm/new, openai/newer] } }'
    expect(problemsOf(`${local()}\n${chain}`)).toEqual([])
    expect(problemsOf(`${local('    models: [{ id: a }]', '    open_ended: true')}\n${chain}`)).toEqual([])
  })
})
