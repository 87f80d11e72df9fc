// What sets one host of the chat completions wire apart from another, as data: a new host is a new value, not a new branch.
import type { FinishReason } from '#gen/exai/v1/chat_pb'

/** What is wrong with a call, in the few kinds that call for different acts. */
export type ErrorClass =
  /** The key is refused. */
  | 'auth'
  /** The key may not use this model. */
  | 'permission'
  /** The account has no money left. */
  | 'quota'
  | 'rate_limit'
  /** A subscription has used up its window of time. */
  | 'plan_window'
  | 'overloaded'
  | 'server'
  | 'timeout'
  /** Nobody listens at the path: a wrong base URL. */
  | 'misrouted'
  | 'bad_request'
  | 'unsupported'
  | 'context_length'
  | 'content_filter'
  | 'not_found'
/** A form of `tool_choice` on the wire. */
export type ToolChoiceForm = 'none' | 'auto' | 'required' | 'named'
/** A content part of a user message beside text. */
export type MediaForm = 'image_url' | 'input_audio' | 'file'
/** A form of `response_format` beside text. */
export type ResponseForm = 'json_object' | 'json_schema'

/** A rule about models that refuse function tools while they think on this endpoint. */
export interface ToolEffortRule {
  /** Ids of the models. */
  readonly models: RegExp
  /** Whether they refuse when no effort is sent, too, because their default is a real effort. */
  readonly whenAbsent: boolean
}

/** The rules of one host. */
export interface Dialect {
  /** Field that caps the output. */
  readonly outputCap: 'max_completion_tokens' | 'max_tokens'
  /** Role of system messages for models that can think. */
  readonly thinkerSystemRole: 'system' | 'developer'
  /** Field for the id of the end user, and its longest value; longer ids are hashed. Absent: there is none. */
  readonly user?: { readonly field: 'safety_identifier' | 'user'; readonly charsMax: number }
  /** Optional request fields that the host takes. */
  readonly takes: {
    readonly seed: boolean
    readonly parallelToolCalls: boolean
    readonly toolStrict: boolean
    readonly promptCacheKey: boolean
    readonly serviceTier: boolean
  }
  /** Whether `metadata` is taken: `with_store` only while `store` is true. */
  readonly metadata: 'never' | 'with_store' | 'always'
  /** Most stop strings. */
  readonly stopMax: number
  /** Whether models that can think take stop strings. */
  readonly stopForThinkers: boolean
  /** Longest id of a tool call; longer ones are hashed, the same way in call and result. */
  readonly callIdCharsMax: number
  readonly toolChoices: readonly ToolChoiceForm[]
  readonly media: readonly MediaForm[]
  readonly responseForms: readonly ResponseForm[]
  /** Whether `stream_options.include_usage` is sent with every stream. */
  readonly streamUsage: boolean
  /** Field in which reasoning text goes back with an assistant message. Absent: it does not. */
  readonly reasoningEcho?: 'reasoning_content' | 'reasoning'
  readonly toolEffort: readonly ToolEffortRule[]
  /** The host's own error codes and types; they win over the common ones. */
  readonly errorCodes: Readonly<Record<string, ErrorClass>>
  /** The host's own finish reasons; they win over the common ones. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>
}

/** Whom an attempt asks: for errors, warnings and everything that depends on the host. */
export interface Upstream {
  /** Id of the provider. */
  readonly provider: string
  /** Id of the model, as the provider spells it. */
  readonly model: string
  readonly dialect: Dialect
  /** Takes everything that looks like a key out of a provider's text. */
  readonly redact: (text: string) => string
}
