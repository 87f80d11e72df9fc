// The shapes of the Responses wire (developers.openai.com/api/reference/resources/responses): what is sent as input.
import type { Fields } from '../merge.ts'

/** One piece of a user's or the operator's message; undefined fields are not sent. */
export type WirePart =
  | { readonly type: 'input_text'; readonly text: string }
  | { readonly type: 'input_image'; readonly image_url: string; readonly detail: string }
  | { readonly type: 'input_image'; readonly file_id: string; readonly detail: string }
  | { readonly type: 'input_file'; readonly file_id: string }
  | { readonly type: 'input_file'; readonly filename: string; readonly file_data: string }
  | { readonly type: 'input_file'; readonly file_url: string }
  | { readonly type: 'output_text'; readonly text: string }

/** One item of `input`. A reasoning item goes back as it came, whatever fields it has. */
export type WireItem =
  | {
      readonly type: 'message'
      readonly role: 'developer' | 'user' | 'assistant'
      readonly content: readonly WirePart[]
    }
  | {
      readonly type: 'function_call'
      readonly call_id: string
      readonly name: string
      readonly arguments: string
    }
  | { readonly type: 'function_call_output'; readonly call_id: string; readonly output: string }
  | SealedItem

/** A reasoning item that holds its own content, encrypted, so that it needs no storage at the provider. */
export interface SealedItem extends Fields {
  readonly type: 'reasoning'
  readonly id: string
  readonly encrypted_content: string
}
