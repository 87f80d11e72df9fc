// Says what of a request is not sent as asked, or refuses it when the caller wants no such thing.
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { GatewayError } from '../../core/errors.ts'
import type { AttemptInput } from '../../core/provider.ts'

/** What happens to a field. A notice changes nothing that the caller asked for. */
export type NoteKind = 'DROPPED' | 'CLAMPED' | 'CHANGED' | 'NOTICE'

/** Notes one field by its path; throws UNSUPPORTED under `strict`, unless it is a notice. */
export type Note = (kind: NoteKind, field: string, message: string) => void

/** Makes the note-taker of an attempt. */
export function createNote(input: AttemptInput): Note {
  return (kind, field, message) => {
    if (input.request.strict && kind !== 'NOTICE') throw unsupported(input, field, message)
    input.warn({ reason: Warning_Reason[kind], field, message })
  }
}

/** The error for a field that cannot be sent in any form. */
export function unsupported(input: AttemptInput, field: string, message: string): GatewayError {
  const { provider, id } = input.model
  return new GatewayError('UNSUPPORTED', `${field}: ${message}`, { provider, model: id })
}
