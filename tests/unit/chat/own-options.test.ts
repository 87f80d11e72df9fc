// Which of the caller's own fields for a provider are refused, what is said of each, and which ones pass.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { barredFieldIn } from '../../../src/chat/own-options.ts'

const barredInChat = (options: Parameters<typeof barredFieldIn>[0]) => barredFieldIn(options, 'chat')

const search = 'set web_search'
const cap = 'set max_output_tokens'
const declared = 'declare functions in tools, and set web_search for a search'
const said = 'say it in messages'
const told = 'what is used is always told'
const fallback = 'set routing.fallback_models'
const configured = 'where and how a provider is asked stands in the configuration'
const once = 'one call gives one answer, so make several'
const dear = 'it changes the price, so leave it out'
const unknown = 'what it costs is not reserved, so leave it out'

/** Each field by itself, a value that would do harm, and the remedy that is told. */
const barred: readonly (readonly [name: string, value: JsonValue, remedy: string])[] = [
  ['model', 'gpt-5.5-pro', 'set model itself'],
  ['preset', 'mine', 'set model itself'],
  ['models', ['gpt-5.5-pro'], fallback],
  ['route', 'fallback', fallback],
  ['fallbacks', ['gpt-5.5-pro'], fallback],
  ['api_base', 'http://169.254.169.254', configured],
  ['base_url', 'http://169.254.169.254', configured],
  ['api_key', 'sk-x', configured],
  ['extra_headers', { host: 'x' }, configured],
  ['extra_query', {}, configured],
  ['extra_body', { max_tokens: 9 }, 'name its fields here themselves'],
  ['messages', [], said],
  ['input', 'hi', said],
  ['instructions', null, said],
  ['prompt', { id: 'pmpt_1' }, said],
  ['documents', [{ text: 'x' }], said],
  ['chat_template', '{{ messages }}', said],
  ['conversation', 'conv_1', 'set conversation_id'],
  ['previous_response_id', 'resp_1', 'set conversation_id'],
  ['context_management', [{ type: 'compaction' }], 'set conversation_id'],
  ['store', true, 'set conversation_id to keep a chat here'],
  ['store', null, 'set conversation_id to keep a chat here'],
  ['stream', true, 'call Complete or StreamComplete'],
  ['background', true, 'set resume_window'],
  ['deferred', true, 'set resume_window'],
  ['stream_options', null, told],
  ['stream_options', [], told],
  ['usage', null, told],
  ['tools', [], declared],
  ['tools', [{ type: 'builtin_function', function: { name: '$web_search' } }], declared],
  ['functions', [{ name: 'run' }], declared],
  ['plugins', [{ id: 'web' }], declared],
  ['mcp_servers', [], declared],
  ['web_search', { enable: true }, search],
  ['web_search_options', {}, search],
  ['enable_search', true, search],
  ['search_options', {}, search],
  ['search_parameters', { mode: 'on' }, search],
  ['max_tokens', 100_000, cap],
  ['max_tokens', null, cap],
  ['max_completion_tokens', 100_000, cap],
  ['max_completion_tokens', null, cap],
  ['max_output_tokens', null, cap],
  ['n_predict', -1, cap],
  ['tokens_to_generate', 100_000, cap],
  ['n', 2, once],
  ['n', '1', once],
  ['n_cmpl', 2, once],
  ['best_of', 5, once],
  ['use_beam_search', true, 'one call gives one answer, so leave it out'],
  ['service_tier', 'priority', 'set service_tier itself'],
  ['service_tier', null, 'set service_tier itself'],
  ['speed', 'fast', 'set service_tier'],
  ['prediction', { type: 'content', content: 'x' }, unknown],
  ['audio', { voice: 'alloy', format: 'mp3' }, unknown],
  ['image_config', {}, unknown],
  ['modalities', ['text', 'audio'], 'answers are text, so leave it out'],
  ['modalities', 'audio', 'answers are text, so leave it out'],
]

const within: readonly (readonly [place: string, fields: JsonObject, remedy: string])[] = [
  ['stream_options.include_usage', { stream_options: { include_usage: false } }, told],
  ['stream_options.include_usage', { stream_options: { include_usage: null } }, told],
  ['usage.include', { usage: { include: false } }, told],
  ['prompt_cache_options.ttl', { prompt_cache_options: { ttl: '12h' } }, dear],
  ['prompt_cache_options.ttl', { prompt_cache_options: { ttl: '1h' } }, dear],
  ['cache_control.ttl', { cache_control: { type: 'ephemeral', ttl: '1h' } }, dear],
  ['provider.order', { provider: { order: ['dear'] } }, dear],
  ['provider.only', { provider: { zdr: true, only: ['dear'] } }, dear],
  ['provider.ignore', { provider: { ignore: ['cheap'] } }, dear],
  ['provider.sort', { provider: { sort: 'throughput' } }, dear],
]

const harmless: readonly JsonObject[] = [
  { temperature: 0.1, top_p: null, top_k: 5, min_p: 0.1, seed: 7, stop: ['x'], repetition_penalty: 1.1 },
  { logit_bias: { 50256: -100 }, logprobs: true, top_logprobs: 2, presence_penalty: 1, frequency_penalty: 1 },
  { verbosity: 'low', reasoning_effort: 'high', reasoning: { effort: 'high', max_tokens: 9 } },
  { thinking: { type: 'disabled' }, reasoning_split: false, do_sample: false, tool_stream: true },
  { response_format: { type: 'json_object' }, text: { verbosity: 'low' }, include: null, truncation: 'auto' },
  { tool_choice: 'auto', parallel_tool_calls: false, max_tool_calls: 3, metadata: { tools: 'x' }, user: 'u' },
  { chat_template_kwargs: { tools: true }, guided_json: { properties: { n: {}, tools: {} } } },
  { provider: { zdr: true, data_collection: 'deny' }, transforms: ['middle-out'] },
  { prompt_cache_options: { mode: 'explicit', ttl: '30m' }, prompt_cache_key: 'k' },
  { stream_options: { include_usage: true, include_obfuscation: false }, usage: { include: true } },
  {
    n: 1,
    store: false,
    background: false,
    modalities: ['text'],
    enable_search: false,
    use_beam_search: false,
  },
  { n: null, previous_response_id: null, prediction: null, audio: null, web_search_options: null },
  { delay_ms: 5, words: 3, fail: 'UPSTREAM_BROKEN', fail_after: 1 },
  { 'stream_options.include_other': 1, Model: 'x', toString: 'x', constructor: { prototype: 1 } },
]

describe("the caller's own fields", () => {
  it.each(barred)('are refused with %s as %j', (name, value, remedy) => {
    for (const provider of ['openai', '*'])
      expect(barredInChat({ kimi: { top_k: 1 }, [provider]: { top_k: 1, [name]: value } })).toBe(
        `.${provider}.${name} is not taken: ${remedy}`,
      )
  })

  it.each(within)('are refused with %s in %j', (place, fields, remedy) => {
    expect(barredInChat({ openai: fields })).toBe(`.openai.${place} is not taken: ${remedy}`)
  })

  it.each(harmless)('pass with %j', fields => {
    expect(barredInChat({ '*': fields, openai: fields })).toBeUndefined()
  })

  it('are refused by their own names only, in the place where providers read them', () => {
    expect(barredInChat({ tools: { x: 1 }, max_tokens: {} })).toBeUndefined()
    expect(barredInChat({ '*': { x: { max_tokens: 9, tools: [] } } })).toBeUndefined()
  })

  it('are named with the remedy however long the name of the provider is', () => {
    expect(barredInChat({ ['p'.repeat(100_000)]: { tools: [] } })).toBe(
      `.${'p'.repeat(128)}.tools is not taken: ${declared}`,
    )
  })

  it('may be called by words of the engine', () => {
    const options = JSON.parse('{"__proto__":{"__proto__":{"model":"x"},"constructor":{"tools":[]}}}')
    expect(barredInChat(options)).toBeUndefined()
  })
})
