// The limits in the config file: tenants, models and policies, and each mistake with its line and its place.
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { parseConfigFile } from '../../../src/config/file.ts'

const rulesIn = async (text: string) =>
  (await loadConfig({ env: { EXAI_CONFIG: 'exai.yaml' }, cwd: '/srv', readFile: () => text })).snapshot.rules

function problemsOf(...lines: readonly string[]): readonly string[] {
  const result = parseConfigFile({ text: lines.join('\n'), label: 'exai.yaml', env: {} })
  return result.ok ? [] : result.problems
}

describe('the limits of a configuration', () => {
  test('are none where the file says nothing of them', async () => {
    expect(await rulesIn('aliases: {}\n')).toBeUndefined()
  })

  test('are those of tenants, of each other tenant, and of models', async () => {
    const rules = await rulesIn(
      [
        'limits:',
        '  tenants:',
        '    acme:',
        '      requests_per_minute: 600',
        '      tokens_per_minute: { value: 2000000, outage: allow }',
        '      day_budget_usd: 12.5',
        '      stored_bytes: 1000',
        '      models:',
        '        openai/GPT-5: { concurrent_calls: 2, outage: share }',
        "    '*':",
        '      outage: deny',
        '      concurrent_calls: 0',
        '      month_budget_usd: { value: 0.000000001, outage: share }',
        '  models:',
        '    glm-5.3: { requests_per_minute: 10 }',
      ].join('\n'),
    )
    expect(rules).toEqual({
      tenants: [
        {
          tenant: 'acme',
          limits: [
            { kind: 'requests_per_minute', value: 600 },
            { kind: 'tokens_per_minute', value: 2_000_000, outagePolicy: 'allow' },
            { kind: 'day_budget', value: 12_500_000_000 },
            { kind: 'stored_bytes', value: 1000 },
            { kind: 'concurrent_calls', value: 2, model: 'openai/gpt-5', outagePolicy: 'share' },
          ],
        },
        {
          tenant: '*',
          limits: [
            { kind: 'concurrent_calls', value: 0, outagePolicy: 'deny' },
            { kind: 'month_budget', value: 1, outagePolicy: 'share' },
          ],
        },
      ],
      models: [{ kind: 'requests_per_minute', value: 10, model: 'glm-5.3' }],
      policies: [],
    })
  })

  test('hold what tenants may ask for', async () => {
    const rules = await rulesIn(
      [
        'limits:',
        '  policies:',
        '    acme:',
        '      allowed_models: [openai/*, glm-5.3]',
        '      denied_tools: [web_search]',
        '      max_prompt_tokens: 8000',
      ].join('\n'),
    )
    expect(rules?.policies).toEqual([
      {
        tenant: 'acme',
        policy: {
          allowedModels: ['openai/*', 'glm-5.3'],
          deniedModels: [],
          allowedTools: [],
          deniedTools: ['web_search'],
          maxPromptTokens: 8000,
        },
      },
    ])
  })

  test('are refused with the line and the place of each mistake', () => {
    expect(
      problemsOf(
        'limits:',
        '  tenants:',
        '    acme:',
        '      requests_per_minute: 1.5',
        '      tokens_per_minute: many',
        '      day_budget_usd: -1',
        '      outage: maybe',
        '      budget: 5',
        '    beta:',
        '      models: { auto: { concurrent_calls: 1 } }',
        '  models:',
        '    openai/gpt-5: { stored_bytes: 5 }',
      ),
    ).toEqual([
      'exai.yaml:4: limits.tenants.acme.requests_per_minute.value must be of the type int',
      'exai.yaml:5: limits.tenants.acme.tokens_per_minute must be of the type object',
      'exai.yaml:6: limits.tenants.acme.day_budget_usd.value must be at least 0',
      'exai.yaml:7: limits.tenants.acme.outage must be allow or share or deny',
      'exai.yaml:8: limits.tenants.acme.budget is not known: correct or remove it',
      'exai.yaml:12: limits.models.openai/gpt-5.stored_bytes is not known: correct or remove it',
    ])
  })

  test('are refused for names that are none', () => {
    expect(
      problemsOf(
        'limits:',
        '  tenants:',
        "    'two words': { concurrent_calls: 1 }",
        '    beta:',
        '      models:',
        '        auto: { concurrent_calls: 1 }',
        '  models:',
        '    openai/a: { concurrent_calls: 1 }',
        '    OpenAI/A: { concurrent_calls: 1 }',
        "    'openai/*': { concurrent_calls: 1 }",
        '  policies:',
        "    acme: { denied_models: ['*'] }",
      ),
    ).toEqual([
      'exai.yaml:3: limits.tenants.two words is no name of a tenant: 1 to 128 of A-Z a-z 0-9 . _ : @ -, or *',
      'exai.yaml:9: limits.models.OpenAI/A differs from another model in letter case only',
      'exai.yaml:10: limits.models.openai/* is no name of a model: write provider/id or an id',
      'exai.yaml:6: limits.tenants.beta.models.auto chooses among all models by itself: name a model instead',
      'exai.yaml:12: limits.policies.acme.denied_models[0] is no name of a model: write provider/id, an id or provider/*',
    ])
  })
})
