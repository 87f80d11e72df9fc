// What the caller's own fields for a provider may not say: they win over what is sent, and go to accounts that all share.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

type Options = Readonly<Record<string, JsonObject>>

/** What a provider is asked for. */
type Task = 'chat' | 'embed'

/** Fields that are not taken. A name with a dot is a field within a field. */
interface Barred {
  /** The task of which it is true. Absent: both. */
  readonly only?: Task
  readonly names: readonly string[]
  /** What to do instead. */
  readonly remedy: string
  /** Whether a value of it changes nothing, and passes. Absent: none does, since null takes away what is sent. */
  readonly isHarmless?: (value: JsonValue) => boolean
}

const isOneOf =
  (...values: readonly JsonValue[]) =>
  (value: JsonValue): boolean =>
    values.includes(value)

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: JsonValue): boolean =>
  value === null || (Array.isArray(value) && value.every(one => one === 'text'))

/**
 * Everything by which these fields could ask for what no policy has seen, use more than is reserved, be priced otherwise
 * than it is booked, or leave the answer where nobody reads it. Fields of which none is true are the provider's to judge.
 */
const BARRED: readonly Barred[] = [
  // Who answers. `preset` is OpenRouter's, and has a model and a prompt in it.
  { names: ['model', 'preset'], remedy: 'set model itself' },
  {
    only: 'chat',
    names: ['models', 'route', 'fallbacks'],
    remedy: 'set routing.fallback_models',
    isHarmless: isOneOf(null),
  },
  // LiteLLM and its kin ask somebody else, for whoever says so.
  {
    names: ['api_base', 'api_key', 'base_url', 'extra_headers', 'extra_query'],
    remedy: 'where and how a provider is asked stands in the configuration',
    isHarmless: isOneOf(null),
  },
  { names: ['extra_body'], remedy: 'name its fields here themselves', isHarmless: isOneOf(null) },
  // What the model reads. `documents` and `chat_template` are vLLM's, and a `prompt` of OpenAI's is kept in the account.
  {
    only: 'chat',
    names: ['messages', 'input', 'instructions', 'prompt', 'documents', 'chat_template'],
    remedy: 'say it in messages',
  },
  {
    only: 'chat',
    names: ['conversation', 'previous_response_id', 'context_management'],
    remedy: 'set conversation_id',
    isHarmless: isOneOf(null),
  },
  // What is deleted here would live on there. OpenAI's Responses store unless they are told not to.
  {
    only: 'chat',
    names: ['store'],
    remedy: 'set conversation_id to keep a chat here',
    isHarmless: isOneOf(false),
  },
  // How the answer comes, and with it what was used. `deferred` is xAI's.
  { only: 'chat', names: ['stream'], remedy: 'call Complete or StreamComplete' },
  {
    only: 'chat',
    names: ['background', 'deferred'],
    remedy: 'set resume_window',
    isHarmless: isOneOf(false, null),
  },
  {
    only: 'chat',
    names: ['stream_options', 'usage'],
    remedy: 'what is used is always told',
    isHarmless: isObject,
  },
  {
    only: 'chat',
    names: ['stream_options.include_usage', 'usage.include'],
    remedy: 'what is used is always told',
    isHarmless: isOneOf(true),
  },
  // What may be called.
  {
    only: 'chat',
    names: ['tools', 'functions', 'plugins', 'mcp_servers'],
    remedy: 'declare functions in tools, and set web_search for a search',
  },
  // The last three are those of Qwen (two) and xAI.
  {
    only: 'chat',
    names: ['web_search', 'web_search_options', 'enable_search', 'search_options', 'search_parameters'],
    remedy: 'set web_search',
    isHarmless: isOneOf(false, null),
  },
  // How much is written. `n_predict` and `n_cmpl` are llama.cpp's, `tokens_to_generate` is MiniMax's old one.
  {
    only: 'chat',
    names: ['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'n_predict', 'tokens_to_generate'],
    remedy: 'set max_output_tokens',
  },
  {
    only: 'chat',
    names: ['n', 'n_cmpl', 'best_of'],
    remedy: 'one call gives one answer, so make several',
    isHarmless: isOneOf(1, null),
  },
  {
    only: 'chat',
    names: ['use_beam_search'],
    remedy: 'one call gives one answer, so leave it out',
    isHarmless: isOneOf(false, null),
  },
  // What it costs.
  { only: 'chat', names: ['service_tier'], remedy: 'set service_tier itself' },
  { only: 'chat', names: ['speed'], remedy: 'set service_tier', isHarmless: isOneOf(null) },
  {
    only: 'chat',
    // The usual times of Kimi and OpenAI; longer ones are dearer.
    names: ['prompt_cache_options.ttl', 'cache_control.ttl'],
    remedy: 'it changes the price, so leave it out',
    isHarmless: isOneOf('5m', '30m', null),
  },
  {
    only: 'chat',
    // Hosts behind OpenRouter have prices of their own.
    names: ['provider.order', 'provider.only', 'provider.ignore', 'provider.sort'],
    remedy: 'it changes the price, so leave it out',
    isHarmless: isOneOf(null),
  },
  {
    only: 'chat',
    // A wrong prediction is billed as output.
    names: ['prediction', 'audio', 'image_config'],
    remedy: 'what it costs is not reserved, so leave it out',
    isHarmless: isOneOf(null),
  },
  { only: 'chat', names: ['modalities'], remedy: 'answers are text, so leave it out', isHarmless: isText },
  // What is embedded. vLLM embeds chats, too.
  { only: 'embed', names: ['models', 'route', 'fallbacks'], remedy: 'set model itself' },
  { only: 'embed', names: ['input', 'messages'], remedy: 'set inputs' },
  // How the vectors come. The last two are vLLM's and Cohere's.
  {
    only: 'embed',
    names: ['encoding_format', 'embed_dtype', 'embedding_types'],
    remedy: 'vectors come as numbers',
  },
  { only: 'embed', names: ['stream'], remedy: 'vectors do not come as a stream' },
  { only: 'embed', names: ['dimensions'], remedy: 'set dimensions itself' },
  { only: 'embed', names: ['user'], remedy: 'set user itself' },
  { only: 'embed', names: ['service_tier', 'provider'], remedy: 'it changes the price, so leave it out' },
]

const barredBy: Readonly<Record<Task, ReadonlyMap<string, Barred>>> = {
  chat: byName('chat'),
  embed: byName('embed'),
}

function byName(task: Task): ReadonlyMap<string, Barred> {
  const rows = BARRED.filter(({ only = task }) => only === task)
  return new Map(rows.flatMap(barred => barred.names.map(name => [name, barred] as const)))
}

/** Most of the name that a caller gives a provider. */
const PROVIDER_CHARACTERS = 128

/** What is wrong with the first field of `provider_options` that is not taken: its place, and the remedy. */
export function barredFieldIn(options: Options, task: Task): string | undefined {
  for (const [provider, fields] of Object.entries(options)) {
    const named = Object.entries(fields).flatMap(([name, value]) => [
      [name, value] as const,
      ...(isObject(value)
        ? Object.entries(value).map(([inner, within]) => [`${name}.${inner}`, within] as const)
        : []),
    ])
    for (const [name, value] of named) {
      const barred = barredBy[task].get(name)
      if (barred === undefined || barred.isHarmless?.(value) === true) continue
      return `.${provider.slice(0, PROVIDER_CHARACTERS)}.${name} is not taken: ${barred.remedy}`
    }
  }
  return undefined
}

/** URLs by which providers name files of an account. */
const FILE_URL = /^\s*(?:ms|mm_file):\/\//i
/** Fields by which they do; a container of OpenAI's keeps the files of those who have used it. */
const FILE_FIELD = /^(?:file_?ids?|vector_store_ids?|container(?:_?id)?)$/i

/**
 * The place within `provider_options` that names a file of a provider's own; undefined when there is none. An account has
 * the files of all tenants, so that whoever knows or guesses a name could read those of others.
 */
export function foreignFileIn(options: Options): string | undefined {
  for (const [provider, fields] of Object.entries(options)) {
    const found = search(fields, `.${provider}`)
    if (found !== undefined) return found
  }
  return undefined
}

function search(value: JsonValue, at: string): string | undefined {
  if (typeof value === 'string') return FILE_URL.test(value) ? at : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return first(value.entries(), index => `${at}[${index}]`)
  const named = Object.entries(value).find(([name, inner]) => FILE_FIELD.test(name) && isName(inner))
  return named === undefined ? first(Object.entries(value), name => `${at}.${name}`) : `${at}.${named[0]}`
}

function first<Key>(entries: Iterable<[Key, JsonValue]>, place: (key: Key) => string): string | undefined {
  for (const [key, inner] of entries) {
    const found = search(inner, place(key))
    if (found !== undefined) return found
  }
  return undefined
}

/** A schema may well have a field of such a name, and then it stands for an object. */
function isName(value: JsonValue): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.some(one => typeof one === 'string'))
}
