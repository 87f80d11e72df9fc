// What one worker may have of limits that hold for the whole service: all parts together are never more than was configured.
import type { KeyConfig, LimitConfig, ProviderConfig, Snapshot } from './snapshot.ts'

/** The place of a worker, from 1, among so many. */
export interface WorkerPlace {
  readonly worker: number
  readonly of: number
}

/** The smallest limit of calls at once. */
export interface FewestPlaces {
  /** Whose it is, such as `the provider glm`. */
  readonly whose: string
  readonly places: number
}

/** So many of a whole number for one of several workers: as even as can be, the first ones have one more. */
export function partOf(whole: number, { worker, of }: WorkerPlace): number {
  return Math.floor(whole / of) + (worker <= whole % of ? 1 : 0)
}

/**
 * The Snapshot as one of several workers uses it: with its parts of every `max_concurrent`. Of the queue in front of them it has
 * its part, too, but a place at least where there is a queue, because without one its calls would not wait at all.
 */
export function partOfSnapshot(snapshot: Snapshot, place: WorkerPlace): Snapshot {
  if (place.of === 1) return snapshot
  const { queue } = snapshot
  const maxWaiting = queue.maxWaiting === 0 ? 0 : Math.max(1, partOf(queue.maxWaiting, place))
  const part = <Limited extends LimitConfig | KeyConfig>(one: Limited): Limited =>
    one.maxConcurrent === undefined ? one : { ...one, maxConcurrent: partOf(one.maxConcurrent, place) }
  return {
    ...snapshot,
    dividedBy: place.of,
    limits: snapshot.limits.map(part),
    providers: snapshot.providers.map(
      (provider): ProviderConfig =>
        provider.kind === 'sandbox' ? provider : { ...provider, keys: provider.keys.map(part) },
    ),
    queue: { ...queue, maxWaiting },
  }
}

/** The smallest limit of calls at once: more workers than its places cannot divide it. Undefined: there is none. */
export function fewestPlaces({
  limits,
  providers,
}: Pick<Snapshot, 'limits' | 'providers'>): FewestPlaces | undefined {
  const all = [
    ...limits.map(({ provider, model, maxConcurrent }) => ({
      whose: model === undefined ? `the provider ${provider}` : `the model ${provider}/${model}`,
      places: maxConcurrent,
    })),
    ...providers.flatMap(provider => {
      if (provider.kind === 'sandbox') return []
      return provider.keys.flatMap(({ label, maxConcurrent }) =>
        maxConcurrent === undefined
          ? []
          : [{ whose: `the key ${label} of ${provider.id}`, places: maxConcurrent }],
      )
    }),
  ]
  return all.reduce<FewestPlaces | undefined>(
    (least, one) => (least === undefined || one.places < least.places ? one : least),
    undefined,
  )
}
