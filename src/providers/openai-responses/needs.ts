// Which requests go to the Responses endpoint: those that chat completions would refuse.
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../../core/provider.ts'
import { mergeFields, providerLayers } from '../merge.ts'
import type { Dialect } from '../openai-dialect/dialect.ts'

/** Whether a request needs the Responses endpoint, and the model is served there. */
export function needsResponses({ model, request }: AttemptInput, dialect: Dialect): boolean {
  if (!model.endpoints.includes('responses')) return false
  if (!model.endpoints.includes('chat/completions')) return true
  if (request.tools.length === 0) return false
  const rule = dialect.toolEffort.find(({ models }) => models.test(model.id))
  if (rule === undefined) return false
  // The caller's own field wins over the contract's, on either wire.
  const own = providerLayers(request, model.provider).reduce(mergeFields, {})['reasoning_effort']
  if (typeof own === 'string') return own !== 'none'
  switch (request.reasoningEffort) {
    case ReasoningEffort.NONE:
      // A model that cannot stop thinking would be refused its tools there.
      return model.reasoningEfforts.length > 0 && !model.reasoningEfforts.includes('none')
    case ReasoningEffort.UNSPECIFIED:
      return rule.whenAbsent && model.defaultReasoningEffort !== 'none'
    default:
      return true
  }
}
