// What the contract suite is told about one provider: how it is made, and what each capability comes to there, as data.
import type { JsonObject as StructObject } from '@bufbuild/protobuf'
import type { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import type { Against, KeyTrouble, Reason } from '../../src/core/errors.ts'
import type { ModelEntry } from '../../src/core/model.ts'
import type { Provider } from '../../src/core/provider.ts'
import type { Script } from '../support/upstream/script.ts'
import type { Upstream } from '../support/upstream/server.ts'
import type { JsonObject } from '../support/upstream/shape.ts'
import type { CapabilityId } from './capability-ids.ts'

/**
 * What becomes of something that a caller asks for: it is sent as the provider's own; it is done here, because the
 * provider has no such thing; it is dropped, clamped or changed, and named in a warning; it is refused before anybody is
 * asked; or there is nothing of the kind to be had, and nothing is lost.
 */
export const outcomes = ['native', 'emulated', 'warned', 'refused', 'none'] as const
/** One of them. */
export type Outcome = (typeof outcomes)[number]

/** What one capability comes to with one provider. */
export interface Cell {
  readonly outcome: Outcome
  /** Part of the body that was sent last. */
  readonly body?: JsonObject
  /** Fields that the body must not have. */
  readonly without?: readonly string[]
  /** Warnings, without their messages, as `CLAMPED temperature`. Default: none but notices. */
  readonly warnings?: readonly string[]
  /** The model that is asked. Default: the provider's own of the suite. */
  readonly model?: ModelEntry
}

/** Something that goes wrong upstream, and what it has to be called here. */
export interface Fault {
  /** The double's fault, such as `error=server_error`. */
  readonly fault: string
  readonly reason: Reason
  /** Whom it counts against. */
  readonly against: Against
  /** What exactly is wrong with the key. Default: it is not looked at. */
  readonly trouble?: KeyTrouble
}

/** What the suite does not know by itself of a provider behind a double. */
export interface UpstreamSpec {
  readonly start: () => Promise<Upstream>
  /** How many tokens an answer to `one two three` has. */
  readonly usage: {
    readonly inputTokens: number
    readonly outputTokens: number
    readonly reasoningTokens: number
  }
  /** Errors by what is wrong. */
  readonly faults: Readonly<Record<string, Fault>>
  /** An error under status 200 instead of an answer, and an error in a stream behind this many events. */
  readonly errorIn200: Fault
  readonly errorAfter: (events: number) => string
  /** The provider's words for the end of an answer: too long, and refused. */
  readonly finishWords: { readonly length: string; readonly contentFilter: string }
  /** What makes the double think, where it does not by itself. */
  readonly thinking?: Script
  /** Where the history holds what was thought before a call, in the body of the next request. */
  readonly replayed: JsonObject
}

/** One provider of the suite. */
export interface ProviderSpec {
  /** Column of the table. */
  readonly name: string
  /** What the column is headed. */
  readonly title: string
  /** Id of the provider; that of its models. */
  readonly id: string
  readonly model: ModelEntry
  /** Makes the provider, for the address of the double. */
  readonly make: (baseUrl: string) => Provider
  /** Absent: it is in the process and asks nobody. */
  readonly upstream?: UpstreamSpec
  /** What makes its model think. Default: it does by itself. */
  readonly thinkingEffort?: ReasoningEffort
  /** Fields of its own that it takes, for provider_options. */
  readonly ownFields: StructObject
  readonly cells: Readonly<Partial<Record<CapabilityId, Cell | Outcome>>>
  /** Capabilities that do not apply, with the reason; they stand as `–`. */
  readonly absent?: Readonly<Partial<Record<CapabilityId, string>>>
}
