// What sets one host of the chat completions wire apart from another, as data: a new host is a new value, not a new branch.
import type { FinishReason, WebSearch } from '#gen/exai/v1/chat_pb'
import type { ReasoningEffort, TemperatureRule } from '../../core/model.ts'
import type { Fields } from '../merge.ts'
import type { Note } from './notes.ts'

/** What is wrong with a call, in the few kinds that call for different acts. */
export type ErrorClass =
  /** The key is refused. */
  | 'auth'
  /** The key may not use this model. */
  | 'permission'
  /** The account has no money left. */
  | 'quota'
  | 'rate_limit'
  /** Too many calls at once. */
  | 'concurrency'
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
export type MediaForm = 'image_url' | 'video_url' | 'file_url' | 'input_audio' | 'file'
/** A form of `response_format` beside text. */
export type ResponseForm = 'json_object' | 'json_schema'

/** A rule about models that refuse function tools while they think on this endpoint. */
export interface ToolEffortRule {
  /** Ids of the models. */
  readonly models: RegExp
  /** Whether they refuse when no effort is sent, too, because their default is a real effort. */
  readonly whenAbsent: boolean
}

/** What is sent for one step of effort; with neither field nothing is, because the model cannot be told. */
export interface ThinkingStep {
  readonly effort?: string
  /** The `type` of a `thinking` object. */
  readonly toggle?: 'enabled' | 'disabled' | 'adaptive'
}

/** How a family of models is told how much to think. */
export interface ThinkingRule {
  /** Ids of the models. */
  readonly models: RegExp
  readonly steps: Readonly<Record<ReasoningEffort, ThinkingStep>>
}

/** Which choices of tools a family of models takes while it thinks. */
export interface ToolChoiceRule {
  /** Ids of the models. */
  readonly models: RegExp
  readonly whileThinking: readonly ToolChoiceForm[]
  /** Whether thinking is switched off for any other choice; if not, the nearest choice is sent. */
  readonly switchesOff: boolean
}

/** What an error code stands for, where the usual time that its class stays out does not fit. */
export interface CodeRule {
  readonly as: ErrorClass
  readonly cooldownMs: number
}

/**
 * A kind of error that a host tells apart only by fixed words at a known place of its message. It counts only for errors
 * that already are of the broader class, so that words of a prompt cannot decide anything else.
 */
export interface PhraseRule {
  readonly within: ErrorClass
  readonly pattern: RegExp
  readonly as: ErrorClass
}

/** How a family of models is asked for vectors. */
export interface EmbeddingRule {
  /** Ids of the models. */
  readonly models: RegExp
  /** Most texts of one request. */
  readonly inputsMax: number
  /**
   * Most bytes of all texts of one request, in UTF-8. No token is shorter than a byte, so it stands for a limit of tokens.
   * A text that is longer goes alone. Absent: any.
   */
  readonly bytesMax?: number
  /** Whether they make shorter vectors when they are told to. */
  readonly shortens: boolean
}

/** How a host takes texts to be embedded. */
export interface EmbeddingHost {
  /** The first rule that fits a model counts. */
  readonly rules: readonly EmbeddingRule[]
  /** Whether it is known to send vectors in base64, which takes half the time to read. */
  readonly base64: boolean
  /** Whether there is a field `user`. */
  readonly takesUser: boolean
}

/** Optional request fields, and whether a host takes them. */
export interface TakenFields {
  readonly seed: boolean
  readonly parallelToolCalls: boolean
  readonly toolStrict: boolean
  readonly promptCacheKey: boolean
  readonly serviceTier: boolean
}

/** A host that takes none of them. */
export const takesNothing: TakenFields = {
  seed: false,
  parallelToolCalls: false,
  toolStrict: false,
  promptCacheKey: false,
  serviceTier: false,
}

/** The same for every step of effort. */
export function everyStep(step: ThinkingStep): ThinkingRule['steps'] {
  return { none: step, minimal: step, low: step, medium: step, high: step, xhigh: step, max: step }
}

/** The rules of one host. */
export interface Dialect {
  /** Field that caps the output. */
  readonly outputCap: 'max_completion_tokens' | 'max_tokens'
  /** Role of system messages for models that can think. */
  readonly thinkerSystemRole: 'system' | 'developer'
  /** Field of a last assistant message that the model is to go on with, so that only what follows it is answered. Absent: none. */
  readonly prefill?: 'partial'
  /** Whether all system text goes into one message at the beginning. Default false. */
  readonly oneSystemMessage?: boolean
  /** Field for the id of the end user, and its shortest and longest value; others are hashed. Absent: there is none. */
  readonly user?:
    | {
        readonly field: 'safety_identifier' | 'user' | 'user_id'
        readonly charsMin?: number
        readonly charsMax: number
      }
    | undefined
  /** Optional request fields that the host takes. */
  readonly takes: TakenFields
  /** Tiers of service that only some models have, where `takes.serviceTier` is false. */
  readonly serviceTiers?: { readonly models: RegExp; readonly values: readonly string[] }
  /** Whether `metadata` is taken: `with_store` only while `store` is true. */
  readonly metadata: 'never' | 'with_store' | 'always'
  /** Most stop strings. */
  readonly stopMax: number
  /** Longest stop string, in bytes. Default: any. */
  readonly stopBytesMax?: number
  /** Whether models that can think take stop strings. */
  readonly stopForThinkers: boolean
  /** Whether the answer is cut at stop strings here, because the host does not. Default false. */
  readonly stopsHere?: boolean
  /** What is known of the temperature of a model that nobody described. Default: what its entry says. */
  readonly temperature?: TemperatureRule
  /** Least `top_p`. Default: any. */
  readonly topPMin?: number
  /** Longest id of a tool call; longer ones are hashed, the same way in call and result. */
  readonly callIdCharsMax: number
  readonly toolChoices: readonly ToolChoiceForm[]
  /** The first rule that fits a model counts. Default: none. */
  readonly toolChoiceRules?: readonly ToolChoiceRule[]
  /** Names that functions may have; others go under another name. Default: all of the contract. */
  readonly toolNames?: RegExp
  /** Models that send arguments in pieces only when `tool_stream` says so. Default: none. */
  readonly toolStream?: RegExp
  readonly media: readonly MediaForm[]
  /** Forms that take only bytes: what is at a URL is downloaded first. Default: none. */
  readonly mediaOnlyData?: readonly MediaForm[]
  /** Forms that take only URLs. Default: none. */
  readonly mediaOnlyUrls?: readonly MediaForm[]
  /** Forms that stand in no request together with any other. Default: none. */
  readonly mediaApart?: readonly MediaForm[]
  /** The values that `detail` of an image can have. Default: any. */
  readonly imageDetails?: readonly string[]
  readonly responseForms: readonly ResponseForm[]
  /** Puts a JSON Schema into the flavour that the host takes. Default: as it is. */
  readonly adaptSchema?: (schema: Fields) => Fields
  /** Whether the host can be held to this schema in its own way. Default: to every one. */
  readonly schemaFits?: (schema: Fields) => boolean
  /** Whether `stream_options.include_usage` is sent with every stream. */
  readonly streamUsage: boolean
  /** Whether texts that stand alone must not be empty, nor be null or a list where a string does. Default false. */
  readonly plainStrings?: boolean
  /** Whether arguments in the history must be JSON, even if the model wrote something else. Default false. */
  readonly argumentsJson?: boolean
  /** Field in which reasoning text goes back with an assistant message. Absent: it does not. */
  readonly reasoningEcho?: 'reasoning_content' | 'reasoning'
  /** Whether sealed reasoning is the list `reasoning_details`, gathered from the answer and sent back as it came. Default false. */
  readonly reasoningDetails?: boolean
  /** Models to which thoughts without details go back in the text, between the tags of `thinkTags`. Default: none. */
  readonly reasoningInText?: RegExp
  /** What goes back with a tool call whose reasoning is lost, as long as the model thinks. Absent: nothing. */
  readonly reasoningStandIn?: string
  /** Models that keep the reasoning of earlier turns only when `clear_thinking` is false. Default: none. */
  readonly clearThinking?: RegExp
  readonly toolEffort: readonly ToolEffortRule[]
  /** The first rule that fits a model counts. Default: `reasoning_effort`, by what is known of the model. */
  readonly thinking?: readonly ThinkingRule[]
  /** Object in which the effort is sent, as its `effort`. Default: `reasoning_effort` at the top. */
  readonly effortObject?: 'reasoning'
  /** Makes the host's own tool that searches the web. Absent: it has none. */
  readonly webSearch?: (search: WebSearch, note: Note) => Fields
  /** Name under which the model calls a search that the host runs when its arguments are sent back. Absent: none. */
  readonly searchCall?: string
  /** Header fields sent with every request, in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** Fields sent with every request. */
  readonly always?: Fields
  /** Field for an id of each attempt, new every time. Absent: there is none. */
  readonly attemptId?: 'request_id'
  /** Whether thoughts may stand in the text, between `<think>` and `</think>` at its beginning. Default false. */
  readonly thinkTags?: boolean
  /** Marks that are taken out of the text wherever they are. Default: none. */
  readonly strayTags?: readonly string[]
  /** Whether a piece of a stream may repeat all that came before it. Default false. */
  readonly cumulative?: boolean
  /** The host's own error codes and types; they win over the common ones. */
  readonly errorCodes: Readonly<Record<string, ErrorClass | CodeRule>>
  /** Kinds of errors without a code of their own. Default: none. */
  readonly errorPhrases?: readonly PhraseRule[]
  /** Whether the code stands in parentheses at the end of the message. Default false. */
  readonly codeInMessage?: boolean
  /** Zone of the times at which limits end, as `+08:00`. Absent: messages are not read for them. */
  readonly resetZone?: string
  /** The host's own finish reasons; they win over the common ones. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>
  /** How texts are embedded. Absent: they are not. */
  readonly embeddings?: EmbeddingHost | undefined
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
  /** Milliseconds since the Unix epoch, for times that the provider names. Default: the machine's clock. */
  readonly now?: () => number
}
