// What one provider lists of its models, kept as it described them; whoever stands for the provider now is asked.
import type { Clock } from '../core/clock.ts'
import type { ModelEntry } from '../core/model.ts'
import type { ListedModel } from './model-list.ts'
import { createModelLists } from './model-lists.ts'

/** Age at which a provider is asked again for its models, in milliseconds. */
const REFRESH_MS = 600_000

/** Asks a provider for its models. Throws GatewayError. */
export type AskModels = (signal: AbortSignal) => Promise<readonly ModelEntry[]>

/** The list of one provider. Nobody is asked before somebody wants to know. */
export interface Listing {
  /** The models as far as known now. */
  models(): readonly ModelEntry[]
  /** One of them by its id in any case. */
  find(id: string): ModelEntry | undefined
  /** Resolves when the provider has been asked once. Throws the signal's reason. */
  begun(signal: AbortSignal): Promise<void>
  /** From now on this one is asked. What is known stays; with other settings than before it is asked for again when it is used. */
  askBy(ask: AskModels, settings: string): void
  close(): void
}

/** Makes an empty list, which stays so until there is somebody to ask. */
export function createListing(provider: string, clock: Clock): Listing {
  const described = new WeakMap<ListedModel, ModelEntry>()
  let asked: { readonly ask: AskModels; readonly settings: string } | undefined
  const list = async (signal: AbortSignal): Promise<readonly ListedModel[]> =>
    ((await asked?.ask(signal)) ?? []).map(entry => {
      const model = { ...entry, reasoning: entry.reasoning !== 'none', state: undefined }
      described.set(model, entry)
      return model
    })
  const lists = createModelLists({ sources: [{ provider, list }], clock, refreshMs: REFRESH_MS })
  return {
    models: () => lists.peek(provider).models.flatMap(model => described.get(model) ?? []),
    find(id) {
      const model = lists.find(provider, id)
      return model === undefined ? undefined : described.get(model)
    },
    begun: async signal => void (await lists.get(provider, signal)),
    askBy(ask, settings) {
      if (asked !== undefined && asked.settings !== settings) lists.renew()
      asked = { ask, settings }
    },
    close: lists.close,
  }
}
