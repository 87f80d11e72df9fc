// Asks one provider of the contract suite, and gathers what it said and what its double got.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { type Delta, isOutput } from '../../src/core/delta.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { ModelEntry } from '../../src/core/model.ts'
import type { Provider } from '../../src/core/provider.ts'
import type { Script } from '../support/upstream/script.ts'
import type { Upstream } from '../support/upstream/server.ts'
import { type JsonObject, objectOf } from '../support/upstream/shape.ts'
import { attempt } from '../unit/providers/attempt.ts'
import type { MessageInit } from '../unit/providers/known.ts'
import type { Cell, Outcome, ProviderSpec } from './provider-spec.ts'

/** A request as a test writes it. */
export type RequestInit = MessageInitShape<typeof CompleteRequestSchema>

/** What one attempt came to. */
export interface Said {
  readonly deltas: readonly Delta[]
  readonly error: GatewayError | undefined
  /** Without their messages and without notices, as `CLAMPED temperature`. */
  readonly warnings: readonly string[]
  /** Bodies of the requests that the double got for it. */
  readonly bodies: readonly JsonObject[]
}

/** How an attempt is made. */
export interface Asking {
  readonly stream?: boolean
  readonly model?: ModelEntry
  readonly history?: readonly MessageInit[]
  readonly signal?: AbortSignal
  /** What the double does with the requests, one after the other. */
  readonly scripts?: readonly Script[]
  /** Called with each notice, which are no alterations. */
  readonly onNotice?: (notice: string) => void
  /** Called with each piece of an answer. */
  readonly onDelta?: (delta: Delta) => void
}

/** One provider at work. */
export interface Rig {
  readonly spec: ProviderSpec
  readonly provider: Provider
  /** Absent for a provider in the process. */
  readonly double: Upstream | undefined
  /** The double of a provider that has one. Throws for any other. */
  upstream(): Upstream
  ask(request: RequestInit, asking?: Asking): Promise<Said>
}

/** Makes the rig. */
export function createRig(spec: ProviderSpec, provider: Provider, double: Upstream | undefined): Rig {
  return {
    spec,
    provider,
    double,
    upstream() {
      if (double === undefined) throw new Error(`${spec.name} asks nobody`)
      return double
    },
    async ask(request, { model = spec.model, onDelta, onNotice, scripts = [], ...asking } = {}) {
      const before = double?.requests.length ?? 0
      for (const script of scripts) double?.next(script)
      const input = attempt(request, { model, ...asking })
      const deltas: Delta[] = []
      let error: GatewayError | undefined
      try {
        for await (const batch of provider.open(input)) {
          for (const delta of batch) {
            deltas.push(delta)
            onDelta?.(delta)
          }
        }
      } catch (caught) {
        if (!(caught instanceof GatewayError)) throw caught
        error = caught
      }
      for (const warning of input.warnings) if (warning.startsWith('NOTICE')) onNotice?.(warning)
      return {
        deltas,
        error,
        warnings: input.warnings
          .map(warning => warning.split(':', 1)[0] ?? '')
          .filter(warning => !warning.startsWith('NOTICE')),
        bodies: (double?.requests ?? []).slice(before).map(each => objectOf(each.body)),
      }
    },
  }
}

/** The outcome of an attempt, by what it refused and warned of; `isNative` looks at the body that was sent last. */
export function outcomeOf(said: Said, isNative: (body: JsonObject) => boolean): Outcome {
  const { error, warnings, bodies, deltas } = said
  if (error !== undefined) {
    // Whoever was asked has not been spared: that is a failure and no refusal of ours.
    const asked = bodies.length > 0 || deltas.some(isOutput)
    if (asked || (error.reason !== 'UNSUPPORTED' && error.reason !== 'INVALID_REQUEST')) throw error
    return 'refused'
  }
  if (warnings.some(warning => warning.startsWith('SCHEMA_EMULATED'))) return 'emulated'
  if (warnings.length > 0) return 'warned'
  return isNative(bodies.at(-1) ?? {}) ? 'native' : 'emulated'
}

/** A cell with all that is said of it. */
export const cellOf = (cell: Cell | Outcome): Cell => (typeof cell === 'string' ? { outcome: cell } : cell)
