// What a policy says of models: which of them may answer.
import type { Policy } from '../core/limits.ts'
import type { ModelEntry } from '../core/model.ts'

/** Whether a model may answer under all of these policies; what is denied wins. */
export function isModelAllowed(
  policies: readonly Policy[],
  model: Pick<ModelEntry, 'provider' | 'id' | 'aliases'>,
): boolean {
  return policies.every(
    ({ allowedModels, deniedModels }) =>
      !isListed(deniedModels, model) && (allowedModels.length === 0 || isListed(allowedModels, model)),
  )
}

/** A list has `provider/id`, an id at every provider, or `provider/*`. */
function isListed(
  names: readonly string[],
  { provider, id, aliases }: Pick<ModelEntry, 'provider' | 'id' | 'aliases'>,
): boolean {
  if (names.length === 0) return false
  const owner = provider.toLowerCase()
  const own = [id, ...aliases].map(name => name.toLowerCase())
  return names.some(name => {
    const lower = name.toLowerCase()
    return lower === `${owner}/*` || own.some(one => lower === one || lower === `${owner}/${one}`)
  })
}
