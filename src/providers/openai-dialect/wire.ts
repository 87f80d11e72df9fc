// The shapes of the chat completions wire: what is sent, and foreign JSON seen with distrust.

/** One piece of a message's content. */
export type WirePart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image_url'
      readonly image_url: { readonly url: string; readonly detail?: string | undefined }
    }
  | { readonly type: 'video_url'; readonly video_url: { readonly url: string } }
  | { readonly type: 'file_url'; readonly file_url: { readonly url: string } }
  | {
      readonly type: 'input_audio'
      readonly input_audio: { readonly data: string; readonly format: 'wav' | 'mp3' }
    }
  | {
      readonly type: 'file'
      readonly file:
        | { readonly filename: string; readonly file_data: string }
        /** A file that was uploaded before, by the provider's own id. */
        | { readonly file_id: string }
    }

/** A tool call in an assistant message. */
export interface WireToolCall {
  readonly id: string
  readonly type: 'function' | 'builtin_function'
  readonly function: { readonly name: string; readonly arguments: string }
}

/** A message; undefined fields are not sent. */
export type WireMessage =
  | { readonly role: 'system' | 'developer'; readonly content: string }
  | { readonly role: 'user'; readonly content: string | readonly WirePart[] }
  | {
      readonly role: 'assistant'
      /** Whether the model is to go on with it. */
      readonly partial?: true
      readonly content: string | null | undefined
      readonly tool_calls?: readonly WireToolCall[] | undefined
      readonly reasoning_content?: string | undefined
      readonly reasoning?: string | undefined
      readonly reasoning_details?: readonly unknown[] | undefined
    }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }

/** An object of foreign JSON, seen through names of fields; what they hold is unknown. */
export type Foreign<Name extends string> = { readonly [Field in Name]?: unknown }

/** A foreign value as an object, or undefined when it is none. */
export function foreign<Name extends string>(value: unknown): Foreign<Name> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  // The parse boundary: true of every object, since each field is optional and unknown.
  return value as Foreign<Name>
}

const NONE: readonly unknown[] = []

/** A foreign value as a list; anything else is an empty one. */
export function foreignList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NONE
}

/** A foreign value as text; anything else is empty. */
export function foreignText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
