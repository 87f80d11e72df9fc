// The port behind which every provider speaks its own wire.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Message } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { WarningSchema } from '#gen/exai/v1/warning_pb'
import type { Deltas } from './delta.ts'
import type { ModelEntry } from './model.ts'

/** A warning as it is made. */
export type WarningInit = MessageInitShape<typeof WarningSchema>

/** What one attempt asks of a provider. A fresh object for each attempt. */
export interface AttemptInput {
  readonly model: ModelEntry
  /** The caller's request; its `messages` are not used. */
  readonly request: CompleteRequest
  /** The whole chat: kept history and what is new. */
  readonly messages: readonly Message[]
  /** Whether to ask for the answer as a stream. */
  readonly stream: boolean
  /** Ends the attempt: its reason is a GatewayError, and the upstream socket closes at once. */
  readonly signal: AbortSignal
  /** Names a field that was dropped, clamped or changed; under `strict` the attempt is refused instead. */
  readonly warn: (warning: WarningInit) => void
}

/** One configured provider. */
export interface Provider {
  /** `openai glm kimi minimax sandbox`, or the name from the config file. */
  readonly id: string
  /** Why the provider cannot be used now, such as a missing key; empty when it can. */
  readonly unusableReason: string
  /** Models that it serves by itself, beside those of the catalogue. */
  readonly models: readonly ModelEntry[]
  /** Asks the model. Throws GatewayError, from the call itself or from the iteration; ending without `finish` is a broken answer. */
  open(input: AttemptInput): Deltas
  /** Lets go of connections. */
  close(): Promise<void>
}

/** Somebody who may answer a call: a model of a usable provider. */
export interface Candidate {
  readonly provider: Provider
  readonly model: ModelEntry
  /** Why it stands at its place, in a few words. */
  readonly reason: string
}
