// Turns a request of the contract into the body of `POST /responses`, by the rules of OpenAI and a model.
import { createHash } from 'node:crypto'
import { type Tool, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../../core/provider.ts'
import { type Fields, mergeFields } from '../merge.ts'
import type { Dialect } from '../openai-dialect/dialect.ts'
import { createNote, type Note } from '../openai-dialect/notes.ts'
import { outputCap } from '../openai-dialect/output-cap.ts'
import { buildSampling, isThinker } from '../openai-dialect/sampling.ts'
import { buildInput } from './messages.ts'
import { callersLayers } from './options.ts'

// OpenAI answers 400 to less ("Expected a value >= 16"); chat completions has no such floor.
const OUTPUT_TOKENS_MIN = 16

/**
 * Builds the body. Every field that cannot be sent as asked is named through `input.warn`; under `strict`, and where there
 * is no way at all, it throws UNSUPPORTED. The caller's `provider_options` win over everything but `stream`; fields that
 * chat completions names otherwise are understood by that name, too.
 */
export function buildRequest(input: AttemptInput, dialect: Dialect, provider: string): Fields {
  const note = createNote(input)
  const { model, request } = input
  const layers = callersLayers(input, provider, note)
  const { reasoning_effort: effort, temperature, top_p } = chooseSampling(input, dialect, note)
  const prompt = buildInput(input, dialect, note)
  const tools = buildTools(input)
  const body: Fields = {
    model: model.id,
    ...prompt,
    ...tools,
    text: textForm(input),
    ...buildReasoning(input, effort),
    temperature,
    top_p,
    max_output_tokens: chooseCap(input, [prompt, tools], note),
    // Conversations are kept here, and nothing of ours at OpenAI.
    store: false,
    ...buildHints(input, dialect, note),
    ...(input.stream && { stream: true }),
  }
  if (request.webSearch !== undefined)
    note('DROPPED', 'web_search', `${provider} cannot search at this endpoint`)
  return { ...layers.reduce(mergeFields, body), stream: body['stream'] }
}

function chooseSampling(input: AttemptInput, dialect: Dialect, note: Note) {
  const { model, request } = input
  if (request.stop.length > 0) note('DROPPED', 'stop', `${model.id} takes no stop strings at this endpoint`)
  // This endpoint is where the rules about tools and effort send their requests, and it has no field for `stop`.
  return buildSampling(input, { ...dialect, toolEffort: [], stopsHere: true }, note)
}

function buildReasoning({ model }: AttemptInput, effort: string | undefined): Fields {
  // Models that never think refuse these fields.
  if (!isThinker(model)) return {}
  return {
    reasoning: effort === 'none' ? { effort } : { effort, summary: 'auto' },
    include: ['reasoning.encrypted_content'],
  }
}

function chooseCap(
  { model, request }: AttemptInput,
  prompt: readonly unknown[],
  note: Note,
): number | undefined {
  const cap = outputCap({ model, request, prompt }, note)
  if (cap === undefined || cap >= OUTPUT_TOKENS_MIN) return cap
  note(
    'CLAMPED',
    'max_output_tokens',
    `${OUTPUT_TOKENS_MIN}, the least that ${model.id} takes at this endpoint`,
  )
  return OUTPUT_TOKENS_MIN
}

function buildTools({ request }: AttemptInput): Fields {
  // A choice without tools is refused; without them every choice means the same.
  if (request.tools.length === 0) return {}
  return {
    tools: request.tools.map(wireTool),
    tool_choice: toolChoice(request.toolChoice?.choice),
    parallel_tool_calls: request.parallelToolCalls,
  }
}

function wireTool({ name, description, parameters, strict = false }: Tool): Fields {
  // Without a schema the function takes no arguments; a strict one has to say so.
  const nothing = { type: 'object', properties: {}, ...(strict && { additionalProperties: false }) }
  return {
    type: 'function',
    name,
    description: description === '' ? undefined : description,
    parameters: parameters ?? nothing,
    // Said always: left out it is true here and false on chat completions, and a tool must not change with the endpoint.
    strict,
  }
}

type Choice = NonNullable<AttemptInput['request']['toolChoice']>['choice'] | undefined

const choiceWords: ReadonlyMap<ToolChoice_Mode, string> = new Map([
  [ToolChoice_Mode.AUTO, 'auto'],
  [ToolChoice_Mode.NONE, 'none'],
  [ToolChoice_Mode.REQUIRED, 'required'],
])

function toolChoice(choice: Choice): unknown {
  if (choice?.case === 'toolName') return { type: 'function', name: choice.value }
  return choice?.case === 'mode' ? choiceWords.get(choice.value) : undefined
}

function textForm({ request }: AttemptInput): Fields | undefined {
  const format = request.responseFormat?.format
  if (format?.case === 'json') return { format: { type: 'json_object' } }
  if (format?.case !== 'jsonSchema') return undefined
  const { name, description, schema, strict } = format.value
  return {
    format: {
      type: 'json_schema',
      name,
      description: description === '' ? undefined : description,
      schema,
      strict: strict ?? true,
    },
  }
}

/** Fields that change nothing in what a model says: they help to find, to bill and to watch. */
function buildHints({ request, model }: AttemptInput, dialect: Dialect, note: Note): Fields {
  if (request.seed !== undefined) note('DROPPED', 'seed', `${model.id} takes no seed at this endpoint`)
  return {
    prompt_cache_key: request.promptCacheKey || undefined,
    service_tier: request.serviceTier || undefined,
    metadata: Object.keys(request.metadata).length === 0 ? undefined : request.metadata,
    safety_identifier: request.user === '' ? undefined : endUser(request.user, dialect, note),
  }
}

function endUser(user: string, dialect: Dialect, note: Note): string {
  const charsMax = dialect.user?.charsMax ?? user.length
  if (user.length <= charsMax) return user
  note('CHANGED', 'user', `its SHA-256 is sent, because ${charsMax} characters are the most`)
  return createHash('sha256').update(user).digest('hex')
}
