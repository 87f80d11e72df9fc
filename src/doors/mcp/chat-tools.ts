// The tools that are about models: chat, list_models and explain_route.
import { z } from 'zod'
import { RouteCandidateSchema } from '#gen/exai/v1/chat_service_pb'
import { type Model, ModelSchema } from '#gen/exai/v1/model_pb'
import { RouteSkipSchema } from '#gen/exai/v1/route_pb'
import { answerSchema, ask, askingFields, requestOf } from './asking.ts'
import { dollars, jsonOf, messageSchema } from './shown.ts'
import { createTool, type Tool } from './tool.ts'

const prompt = z.string().min(1).describe('what to ask')
const fileIds = z
  .array(z.string())
  .default([])
  .describe('ids of uploaded files that the model is to read, file_…')

/** Asks a model. */
export const chatTool: Tool = createTool({
  name: 'chat',
  title: 'Ask a model',
  description:
    'Asks a language model and gives its answer with the tokens and the cost. With model auto the service picks one. Sends progress while the answer arrives.',
  input: z.strictObject({ prompt, file_ids: fileIds, ...askingFields }),
  output: answerSchema,
  isReading: false,
  isOutward: true,
  run: (args, context) => ask(requestOf(args, args.prompt, args.file_ids), context),
})

/** Says who would be asked. */
export const explainRouteTool: Tool = createTool({
  name: 'explain_route',
  title: 'Explain who would be asked',
  description:
    'Tells which models would be asked for a request, in which order, and why each other one is skipped. Asks none of them and costs nothing.',
  input: z.strictObject({ prompt, file_ids: fileIds, ...askingFields }),
  output: z.object({
    requested_model: z.string(),
    candidates: z.array(messageSchema),
    skipped: z.array(messageSchema),
    config_version: z.int(),
    input_tokens: z.int(),
  }),
  isReading: true,
  isOutward: false,
  async run(args, { backend, signal }) {
    const request = requestOf({ ...args, idempotency_key: undefined }, args.prompt, args.file_ids)
    const answer = await backend.explainRoute(request, signal)
    const { requestedModel, candidates, skipped, configVersion, inputTokens } = answer
    const lines = [
      ...candidates.map(
        ({ provider, model, reason, maxCostNanoUsd }, index) =>
          `${index + 1}. ${provider}/${model}: ${reason}${maxCostNanoUsd === undefined ? '' : `, at most ${dollars(maxCostNanoUsd)}`}`,
      ),
      ...skipped.map(({ provider, model, message }) => `skipped ${provider}/${model}: ${message}`),
    ]
    const none = `no model of this service can take the request for ${requestedModel}`
    return {
      content: [{ type: 'text', text: lines.length === 0 ? none : lines.join('\n') }],
      structured: {
        requested_model: requestedModel,
        candidates: candidates.map(one => jsonOf(RouteCandidateSchema, one)),
        skipped: skipped.map(one => jsonOf(RouteSkipSchema, one)),
        config_version: configVersion,
        input_tokens: inputTokens,
      },
    }
  },
})

/** Names the models. */
export const listModelsTool: Tool = createTool({
  name: 'list_models',
  title: 'List the models',
  description:
    'Names the models that can be asked now, with what they read, how much they take and what they cost.',
  input: z.strictObject({
    provider: z.string().default('').describe('id of a provider, such as openai. Absent: all'),
    include_unroutable: z
      .boolean()
      .default(false)
      .describe('whether those are named, too, that cannot be asked now, with the reason'),
  }),
  output: z.object({ models: z.array(messageSchema) }),
  isReading: true,
  isOutward: false,
  async run({ provider, include_unroutable }, { backend, signal }) {
    const { models } = await backend.listModels({ provider }, signal)
    const shown = models.filter(({ unroutableReason }) => include_unroutable || unroutableReason === '')
    const text = shown.length === 0 ? 'no model can be asked now' : shown.map(lineOf).join('\n')
    return {
      content: [{ type: 'text', text }],
      structured: { models: shown.map(model => jsonOf(ModelSchema, model)) },
    }
  },
})

function lineOf(model: Model): string {
  const { provider, id, contextWindowTokens, inputModalities, tools, price, unroutableReason } = model
  return [
    `${provider}/${id}`,
    ...(contextWindowTokens === 0 ? [] : [`context ${contextWindowTokens} tokens`]),
    ...(inputModalities.length === 0 ? [] : [`reads ${inputModalities.join(', ')}`]),
    ...(tools ? ['calls tools'] : []),
    price === undefined
      ? 'price unknown'
      : `${dollars(price.inputNanoUsdPerMillion)} in and ${dollars(price.outputNanoUsdPerMillion)} out for a million tokens`,
    ...(unroutableReason === '' ? [] : [`cannot be asked now: ${unroutableReason}`]),
  ].join(' · ')
}
