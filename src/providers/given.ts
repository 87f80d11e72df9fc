// What a provider's wire is asked once the files of a chat have been given: messages without any file id of our own.
import type { Media } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../core/provider.ts'

/** The endpoint that a message goes to. */
export type FormEndpoint = 'chat/completions' | 'responses'

/** What is asked, with what is known of the files in it. Without the two fields it is what a caller sent. */
export interface GivenInput extends AttemptInput {
  /** Ids and URLs of this account's own copies; media of `messages` that name one of them do not come from a caller. */
  readonly copies?: ReadonlySet<string> | undefined
  /** For which endpoint the files were given. Absent: the wire chooses. */
  readonly endpoint?: FormEndpoint | undefined
}

/** Whether a medium names a copy that was made for this account: a caller can name none, whatever its id or URL says. */
export function namesCopy({ copies }: GivenInput, { source }: Media): boolean {
  if (copies === undefined) return false
  return (source.case === 'fileId' || source.case === 'url') && copies.has(source.value)
}
