// What of a request has no counterpart here: told with the answer, or refused when the caller wants all or nothing.
import { GatewayError } from '../../core/errors.ts'

/** Gathers the fields that are left out. */
export interface Notes {
  /** Says that a field is left out, and why. */
  dropped(param: string, why: string): void
  list(): readonly string[]
}

/** Makes an empty list of notes. */
export function createNotes(): Notes {
  const notes: string[] = []
  return {
    dropped: (param, why) => void notes.push(`${param} was left out: ${why}`),
    list: () => notes,
  }
}

/** Refuses what would be left out. Throws UNSUPPORTED for the first note. */
export function refuseNotes(notes: Notes): void {
  const [first] = notes.list()
  if (first !== undefined) throw new GatewayError('UNSUPPORTED', `${first}, and strict forbids that`)
}
