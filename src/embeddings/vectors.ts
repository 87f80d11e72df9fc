// The vectors of one call as they come, kept apart by who made them: an answer has those of one provider only.
import { GatewayError } from '../core/errors.ts'
import type { EmbedTask } from '../core/provider.ts'

/** A vector; its numbers are finite. */
export type Vector = number[]

/** The vectors of one call. */
export interface Vectors {
  /** What an attempt has a provider embed; what the provider has made stays when it is asked again. */
  of(provider: string, wish: Pick<EmbedTask, 'inputs' | 'dimensions'>): EmbedTask
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
    of(provider, { inputs, dimensions }) {
      const own = ownOf(provider)
      const from = own.length
      let madeTo = from
      let sentTo = from
      return {
        inputs,
        dimensions,
        done: () => own.length,
        sending(count) {
          sentTo = own.length + count
        },
        used: which => inputs.slice(from, which === 'made' ? madeTo : Math.max(sentTo, madeTo)),
        add(vectors) {
          const length = (own[0] ?? vectors[0])?.length
          if (vectors.some(vector => vector.length !== length))
            throw new GatewayError('UPSTREAM_BROKEN', `${provider} sent vectors of different lengths`, {
              against: 'provider',
            })
          for (const vector of vectors) own.push(vector)
          madeTo = own.length
        },
      }
    },
    all: provider => ownOf(provider),
    areBegun: () => [...byProvider.values()].some(own => own.length > 0),
  }
}
