// The vectors of one call as they come, kept apart by who made them: an answer has those of one provider only.
import { GatewayError } from '../core/errors.ts'
import type { EmbedTask } from '../core/provider.ts'

/** A vector; its numbers are finite. */
export type Vector = number[]

/** The vectors of one call. */
export interface Vectors {
  /** Where a provider puts its own, and how many it has put there; what it has made stays when it is asked again. */
  of(provider: string): Pick<EmbedTask, 'done' | 'add'>
  /** Those of a provider, in the order of the inputs. */
  all(provider: string): readonly Vector[]
  /** Whether anybody has made one. */
  areBegun(): boolean
}

/** Begins without any. */
export function createVectors(): Vectors {
  const byProvider = new Map<string, Vector[]>()
  const ownOf = (provider: string): Vector[] => {
    const own = byProvider.get(provider) ?? []
    byProvider.set(provider, own)
    return own
  }
  return {
    of(provider) {
      const own = ownOf(provider)
      return {
        done: () => own.length,
        add(vectors) {
          const length = (own[0] ?? vectors[0])?.length
          if (vectors.some(vector => vector.length !== length))
            throw new GatewayError('UPSTREAM_BROKEN', `${provider} sent vectors of different lengths`, {
              against: 'provider',
            })
          for (const vector of vectors) own.push(vector)
        },
      }
    },
    all: provider => ownOf(provider),
    areBegun: () => [...byProvider.values()].some(own => own.length > 0),
  }
}
