// What the policy of a caller forbids is refused before anybody is asked; what is chosen for it passes over that.
import { describe, expect, it } from 'vitest'
import { failureOf } from '../../support/attempt-rig.ts'
import { createTestCall } from '../../support/test-call.ts'
import { down, fallback, request, setUp, type Who, writing } from './limits-rig.ts'

describe('a policy', () => {
  const none = { allowedModels: [], deniedModels: [], allowedTools: [], deniedTools: [] }
  const under = (policy: object, ...who: readonly Who[]) =>
    setUp(who.length > 0 ? who : [{ scripts: [writing(1)] }, { scripts: [writing(1)] }], {
      policies: [{ tenant: 'default', policy: { ...none, ...policy } }],
    })
  const refused = async (rig: ReturnType<typeof setUp>, asked = request()) => {
    const error = await failureOf(rig.complete(createTestCall().call, asked))
    expect(rig.providers.map(provider => provider.asked.length)).toEqual(rig.providers.map(() => 0))
    return error
  }

  it('refuses a model that it does not allow, although somebody else could answer', async () => {
    const error = await refused(under({ deniedModels: ['ONE/*'] }), request(fallback))
    expect([error.reason, error.message]).toEqual([
      'PERMISSION_DENIED',
      'the policy of the caller does not allow model "one-model"; name another one',
    ])
  })

  it('lets fallbacks pass over what is not allowed', async () => {
    const rig = under(
      { allowedModels: ['one-model', 'three/three-model'] },
      ...Array(3).fill({ scripts: [[down]] }),
    )
    const asked = request({ routing: { fallbackModels: ['two-model', 'three-model'] } })
    await failureOf(rig.complete(createTestCall().call, asked))
    expect(rig.providers.map(provider => provider.asked.length > 0)).toEqual([true, false, true])
  })

  it('lets auto choose among what is allowed, and refuses when that is nobody', async () => {
    const answer = await under({ deniedModels: ['one-model'] }).complete(
      createTestCall().call,
      request({ model: 'auto' }),
    )
    expect(answer.provider).toBe('two')
    const error = await refused(under({ allowedModels: ['nobody/at-all'] }), request({ model: 'auto' }))
    expect(error.reason).toBe('PERMISSION_DENIED')
  })

  it('refuses tools and searches that it does not allow', async () => {
    const tools = [{ name: 'get_weather', description: '' }]
    expect((await refused(under({ deniedTools: ['get_weather'] }), request({ tools }))).message).toBe(
      'the policy of the caller does not allow the tool "get_weather"; leave it out',
    )
    expect((await refused(under({ allowedTools: ['other'] }), request({ tools }))).reason).toBe(
      'PERMISSION_DENIED',
    )
    expect((await refused(under({ deniedTools: ['web_search'] }), request({ webSearch: {} }))).reason).toBe(
      'PERMISSION_DENIED',
    )
  })

  it('is not walked around by fields of the provider: they declare no tools, no searches and no prompt', async () => {
    const rig = under({ deniedTools: ['web_search', 'run'], maxPromptTokens: 8 })
    const fields = {
      tools: [{ type: 'web_search', web_search: { enable: true } }],
      functions: [{ name: 'run' }],
      web_search_options: {},
      messages: [{ role: 'user', content: 'word '.repeat(1_000) }],
      instructions: 'word '.repeat(1_000),
    }
    for (const [name, value] of Object.entries(fields)) {
      const error = await refused(rig, request({ providerOptions: { one: { [name]: value } } }))
      expect([error.reason, error.message]).toEqual([
        'INVALID_REQUEST',
        expect.stringContaining(`provider_options.one.${name} is not taken: `),
      ])
    }
  })

  it('refuses a prompt that is longer than it allows', async () => {
    const error = await refused(under({ maxPromptTokens: 5 }))
    expect([error.reason, error.message]).toEqual([
      'PERMISSION_DENIED',
      'the prompt has 8 tokens, and the policy of the caller allows 5; shorten it',
    ])
    await under({ maxPromptTokens: 8 }).complete(createTestCall().call, request())
  })
})
