// Fields for the provider by which a caller would write more, call more, pay less or be told less than anybody has seen.
import { ask, chatBody, refused, upstreamProblems } from '../asking.ts'
import type { Attack } from '../attack.ts'

/** Each of them would reach the provider of the honest model, and it would do as it is told. */
const fields: readonly (readonly [name: string, value: unknown, does: string])[] = [
  ['max_tokens', 1_000_000, 'writes more than is reserved'],
  ['max_completion_tokens', 1_000_000, 'writes more than is reserved, by its newer name'],
  ['max_output_tokens', null, 'takes the cap away'],
  ['n', 128, 'asks for 128 answers'],
  ['tools', [{ type: 'web_search' }], 'declares a tool that no policy has seen'],
  ['functions', [{ name: 'run' }], 'declares a function that no policy has seen'],
  ['web_search_options', {}, 'searches the web'],
  ['plugins', [{ id: 'web' }], 'searches the web through a plugin'],
  ['extra_body', { max_tokens: 1_000_000 }, 'hides a field in another one'],
  ['model', 'dearest-model', 'asks another model'],
  ['models', ['dearest-model'], 'asks other models when this one fails'],
  ['service_tier', 'priority', 'asks for a dearer tier'],
  ['messages', [{ role: 'user', content: 'other words' }], 'says something else than was counted'],
  ['instructions', 'other words', 'says more than was counted'],
  ['previous_response_id', 'resp_1', "goes on with somebody else's answer"],
  ['prompt', { id: 'pmpt_1' }, "uses a prompt of the operator's account"],
  ['store', true, 'leaves the chat in the account that all share'],
  ['stream', true, 'turns an answer into a stream'],
  ['stream_options', { include_usage: false }, 'hides what is used'],
  ['background', true, 'leaves the answer where nobody reads it'],
  ['api_base', 'http://169.254.169.254', 'sends the request elsewhere'],
]

/** All of them. */
export const ownFieldAttacks: readonly Attack[] = fields.map(([name, value, does]) => ({
  topic: 'own fields',
  name: `a field ${name} for the provider ${does}`,
  run: async stage => {
    const found = [stage.open, stage.guarded].flatMap(target =>
      ['ChatService/Complete', 'ChatService/CountTokens', 'ChatService/ExplainRoute'].flatMap(method =>
        ['*', 'openai'].map(async provider => {
          const body = chatBody(stage, { providerOptions: { [provider]: { [name]: value } } })
          const answer = await ask(target, method, body)
          const isNamed = answer.body.includes(`provider_options.${provider}.${name}`)
          return [
            ...refused(answer, 'invalid_argument'),
            ...(isNamed ? [] : [`the refusal does not say what is not taken: ${answer.body}`]),
            ...upstreamProblems(stage, body),
          ]
        }),
      ),
    )
    return (await Promise.all(found)).flat()
  },
}))
