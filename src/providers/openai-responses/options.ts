// Reads the caller's own fields for OpenAI, which are written for either of its two wires, as fields of the Responses wire.
import { GatewayError } from '../../core/errors.ts'
import type { AttemptInput } from '../../core/provider.ts'
import { type Fields, providerLayers } from '../merge.ts'
import type { Note } from '../openai-dialect/notes.ts'
import { foreign } from '../openai-dialect/wire.ts'

// Fields of chat completions that the Responses wire has under another name or at another place.
const moved: ReadonlyMap<string, (value: unknown) => Fields> = new Map<string, (value: unknown) => Fields>([
  ['max_completion_tokens', value => ({ max_output_tokens: value })],
  ['max_tokens', value => ({ max_output_tokens: value })],
  ['reasoning_effort', value => ({ reasoning: { effort: value } })],
  ['verbosity', value => ({ text: { verbosity: value } })],
  [
    'response_format',
    value => {
      const format = foreign<'type' | 'json_schema'>(value)
      return { text: { format: format && { type: format.type, ...foreign(format.json_schema) } } }
    },
  ],
])

// Fields of chat completions that the Responses wire refuses.
const absent: ReadonlySet<string> = new Set([
  'audio',
  'frequency_penalty',
  'function_call',
  'functions',
  'logit_bias',
  'logprobs',
  'messages',
  'modalities',
  'prediction',
  'presence_penalty',
  'seed',
  'stop',
  'stream_options',
  'web_search_options',
])

/**
 * The caller's `provider_options` for this provider, layer by layer as `providerLayers` gives them, less what the wire
 * does not have: each such field is named by `note`. Throws INVALID_REQUEST when several answers are asked for.
 */
export function callersLayers(input: AttemptInput, provider: string, note: Note): readonly Fields[] {
  return providerLayers(input.request, provider).map(layer =>
    Object.entries(layer)
      .map(([name, value]) => wireField(input, provider, name, value, note))
      .reduce(joinFields, {}),
  )
}

function wireField(input: AttemptInput, provider: string, name: string, value: unknown, note: Note): Fields {
  const { model, request, stream } = input
  const own = request.providerOptions[provider] ?? {}
  const path = `provider_options.${Object.hasOwn(own, name) ? provider : '*'}.${name}`
  if (name === 'n' && value !== 1 && value !== null) {
    const details = { provider, model: model.id }
    throw new GatewayError('INVALID_REQUEST', `${path}: one call gives one answer, so make several`, details)
  }
  if (name === 'n') return {}
  if (name === 'stream') {
    if (value !== stream) note('DROPPED', path, 'whether an answer streams is chosen by the method called')
    return {}
  }
  if (absent.has(name)) {
    if (value !== null) note('DROPPED', path, `${model.id} takes no such field at this endpoint`)
    return {}
  }
  return moved.get(name)?.(value) ?? { [name]: value }
}

// Unlike a merge it keeps null, which is how a caller takes one of the gateway's own fields away.
function joinFields(base: Fields, over: Fields): Fields {
  const joined: Record<string, unknown> = { ...base }
  for (const [name, value] of Object.entries(over)) {
    const below = foreign<string>(joined[name])
    const above = foreign<string>(value)
    joined[name] = below === undefined || above === undefined ? value : joinFields(below, above)
  }
  return joined
}
