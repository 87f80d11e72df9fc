// The port behind which every provider speaks its own wire.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Message } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { WarningSchema } from '#gen/exai/v1/warning_pb'
import type { ChatFiles } from './chat-files.ts'
import type { Deltas } from './delta.ts'
import type { GatewayError, KeyTrouble } from './errors.ts'
import type { ModelEntry } from './model.ts'
import type { AttemptTrace } from './trace.ts'
import type { WaitRules } from './turns.ts'

/** A warning as it is made. */
export type WarningInit = MessageInitShape<typeof WarningSchema>

/** Texts of which vectors are asked for, and where the vectors go. */
export interface EmbedTask {
  /** None of them is empty. */
  readonly inputs: readonly string[]
  /** How long each vector is to be. Absent: as long as the model makes them. */
  readonly dimensions: number | undefined
  /** How many of the first inputs the provider has embedded already in this call: only those behind them are asked for. */
  readonly done: () => number
  /** Called right before the next so many inputs behind those go out. */
  readonly sending: (count: number) => void
  /** Takes the vectors of the next inputs, in their order: all of one length, none of them empty, each number a finite float32. Nobody else keeps them. */
  readonly add: (vectors: readonly number[][]) => void
  /** The inputs that were embedded in this attempt; with `sent`, and those that went out last and have no vectors yet. */
  readonly used: (which: 'made' | 'sent') => readonly string[]
}

/** What one attempt asks of a provider. A fresh object for each attempt. */
export interface AttemptInput {
  readonly model: ModelEntry
  /** The caller's request; its `messages` are not used. */
  readonly request: CompleteRequest
  /** The whole chat: kept history and what is new. */
  readonly messages: readonly Message[]
  /** The stored files that media of `messages` name by `file_id`. Absent: they name none. */
  readonly files?: ChatFiles | undefined
  /** What is to be embedded, where no answer to a chat is asked for; only of a provider that `embeds`. Absent: it is a chat. */
  readonly embed?: EmbedTask | undefined
  /** Whether to ask for the answer as a stream. */
  readonly stream: boolean
  /** The beginning of the answer, written by somebody else: asked is only what follows it. Only of a provider that `continues`. */
  readonly prefill?: string | undefined
  /** Ends the attempt: its reason is a GatewayError, and the upstream socket closes at once. */
  readonly signal: AbortSignal
  /** Names a field that was dropped, clamped or changed; under `strict` the attempt is refused instead. */
  readonly warn: (warning: WarningInit) => void
  /** Whose turn it counts as, and how long it may wait, where our own limits leave no room for it now. Absent: it may not wait. */
  readonly waiting?: (WaitRules & { readonly tenant: string }) | undefined
  /** Takes the label of the key that the attempt uses, never the key. Not called where no key is used. */
  readonly useKey?: (label: string) => void
  /**
   * Called right before the request goes out: until then nobody was asked, whatever was waited for, and the provider is not
   * to blame. A later request for the same answer may call it again, and does so for every part of what is to be embedded.
   * Whoever answers without it has asked at once.
   */
  readonly sent?: () => void
  /** Where the attempt stands in the trace of its call. Absent: it is not traced. */
  readonly trace?: AttemptTrace | undefined
}

/** What a count asks of a provider: it is never told which key was used. */
export type CountInput = Omit<AttemptInput, 'useKey' | 'waiting' | 'sent' | 'trace'>

/** How many input tokens a provider counted. */
export interface ProviderCount {
  readonly tokens: number
  /** `tools` and `response_format`, where they become input and are not in the count. */
  readonly notCounted: readonly string[]
}

/** One configured provider. */
export interface Provider {
  /** `openai glm kimi minimax sandbox`, or the name from the config file. */
  readonly id: string
  /** Why the provider cannot be used now, such as a missing key; empty when it can. It changes while keys come and go. */
  readonly unusableReason: string
  /** The failure of everything that would be asked of it now, while it cannot be used and will be again by itself. */
  readonly outage?: GatewayError | undefined
  /** Models that it serves by itself, beside those of the catalogue. */
  readonly models: readonly ModelEntry[]
  /** Asks the model. Throws GatewayError, from the call itself or from the iteration; ending without `finish` is a broken answer. */
  open(input: AttemptInput): Deltas
  /** Whether it makes vectors of texts: `open` then takes an `embed`, and answers with `usage` and `finish` alone. Absent: it does not. */
  readonly embeds?: true | undefined
  /**
   * Counts input tokens without asking the model. Undefined when it cannot for this model, or failed; throws nothing but the
   * signal's reason. Absent: it never can.
   */
  countTokens?(input: CountInput): Promise<ProviderCount | undefined>
  /** Asks which models it has. Throws GatewayError. Absent: it has no such list. */
  listModels?(signal: AbortSignal): Promise<readonly ModelEntry[]>
  /** Whether this model goes on with a text that is begun, so that nothing of it comes twice. Absent: none does. */
  continues?(modelId: string): boolean
  /** Whether it asks for the form of an answer in words, and once more where the answer does not keep to it. Absent: never. */
  repairs?(request: Pick<CompleteRequest, 'responseFormat'>): boolean
  /** Most requests for one answer that searches the web, each with an answer of its own. Absent: one. */
  readonly searchRounds?: number | undefined
  /** How many of its keys could ask this model now. Absent: it has no more than one. */
  keysLeft?(modelId: string): number
  /** Whether a key for another address than the failing ones could ask this model now. Absent: it has one address only. */
  hasOtherAddress?(modelId: string): boolean
  /** Whether it makes a text of documents of a type by itself, so that every model of it can be given one. Absent: of none. */
  readsDocuments?(mimeType: string): boolean
  /** Deletes a copy of a file that was made for one of its accounts; one that is gone is no failure. Absent: it makes none. */
  removeCopy?(
    copy: { readonly account: string; readonly remoteId: string },
    signal: AbortSignal,
  ): Promise<void>
  /** Changes what it shares with the one before it, such as the limits of keys, to its own settings. Absent: it shares nothing. */
  adopt?(): void
  /** How its keys are, in configured order; the keys themselves are not in it. Absent: it needs none. */
  keys?(): readonly ProviderKeyState[]
  /** Lets go of connections. */
  close(): Promise<void>
}

/** How a provider's key is. */
export interface ProviderKeyState {
  readonly label: string
  /** Present while it is out: why, and until when in milliseconds since the Unix epoch. */
  readonly out?: { readonly trouble: KeyTrouble; readonly untilMs: number }
}

/** Somebody who may answer a call: a model of a usable provider. */
export interface Candidate {
  readonly provider: Provider
  readonly model: ModelEntry
  /** Why it stands at its place, in a few words. */
  readonly reason: string
  /** Most tokens that it may write, where its price was judged by that and the request has no cap. */
  readonly outputCap?: number | undefined
}
