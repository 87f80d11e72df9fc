// GET /v1/models and /v1/models/{model}.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { ListModelsRequestSchema } from '#gen/exai/v1/chat_service_pb'
import type { ModelSchema } from '#gen/exai/v1/model_pb'
import { GatewayError } from '../../core/errors.ts'
import type { HttpCall, Route } from '../http/route.ts'
import type { Services } from '../services.ts'

type Model = MessageInitShape<typeof ModelSchema>

/** A model with the name by which it is listed. */
interface Listed {
  readonly name: string
  readonly model: Model
}

/** The routes of models. */
export function modelRoutes({ chat }: Pick<Services, 'chat'>): readonly Route[] {
  const all = async ({ exchange }: HttpCall): Promise<readonly Listed[]> => {
    const { models = [] } = await chat.listModels(exchange, create(ListModelsRequestSchema))
    return named(models)
  }
  const rpc = 'exai.v1.ChatService/ListModels'
  return [
    {
      verb: 'GET',
      path: '/v1/models',
      rpc,
      handle: async call => ({
        type: 'json',
        value: { object: 'list', data: (await all(call)).map(modelOf) },
      }),
    },
    {
      verb: 'GET',
      path: '/v1/models/{model+}',
      rpc,
      handle: async call => {
        const asked = call.params['model'] ?? ''
        const found = (await all(call)).find(one => namesOf(one).includes(asked.toLowerCase()))
        if (found === undefined)
          throw new GatewayError(
            'MODEL_NOT_FOUND',
            `no model has the name ${JSON.stringify(asked.slice(0, 256))}: GET /v1/models lists them`,
          )
        return { type: 'json', value: modelOf(found) }
      },
    },
  ]
}

// A model of several providers is asked for by its id alone, or at one of them; so it is listed.
function named(models: readonly Model[]): readonly Listed[] {
  const taken = new Set<string>()
  return models.map(model => {
    const id = model.id ?? ''
    const name = taken.has(id.toLowerCase()) ? `${model.provider ?? ''}/${id}` : id
    taken.add(id.toLowerCase())
    return { name, model }
  })
}

function namesOf({ name, model }: Listed): readonly string[] {
  const { id = '', provider = '', aliases = [] } = model
  return [name, `${provider}/${id}`, ...aliases].map(one => one.toLowerCase())
}

function modelOf({ name, model }: Listed): Record<string, unknown> {
  const { provider = '', contextWindowTokens = 0, maxOutputTokens = 0, unroutableReason = '' } = model
  return {
    id: name,
    object: 'model',
    // When a model was made is not known here, and clients want a number.
    created: 0,
    owned_by: provider,
    exai: {
      aliases: model.aliases ?? [],
      description: model.description ?? '',
      context_window_tokens: contextWindowTokens,
      max_output_tokens: maxOutputTokens,
      input_modalities: model.inputModalities ?? [],
      tools: model.tools ?? false,
      ...(unroutableReason === '' ? {} : { unroutable_reason: unroutableReason }),
    },
  }
}
