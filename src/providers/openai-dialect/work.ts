// What the building of messages goes by.
import type { AttemptInput } from '../../core/provider.ts'
import type { Dialect, MediaForm } from './dialect.ts'
import type { Note } from './notes.ts'

/** The same for all messages of a request. */
export interface Work {
  readonly input: AttemptInput
  readonly dialect: Dialect
  readonly note: Note
  /** Whether the model will think about the request. */
  readonly thinks: boolean
  /** The forms of media that stand in the request so far. */
  readonly forms: Set<MediaForm>
}
