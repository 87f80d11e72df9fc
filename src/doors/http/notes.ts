// What of a request has no counterpart here: told with the answer, or refused when the caller wants all or nothing.
import { unsupportedField } from './refusal.ts'

/** Gathers the fields that are left out. */
export interface Notes {
  /** Says that a field is left out, and why. */
  dropped(param: string, why: string): void
  /** What is told with the answer, one sentence for each field. */
  list(): readonly string[]
  /** The path of the first field that is left out; undefined when none is. */
  first(): string | undefined
}

/** Makes an empty list of notes. */
export function createNotes(): Notes {
  const notes: { readonly param: string; readonly why: string }[] = []
  return {
    dropped: (param, why) => void notes.push({ param, why }),
    list: () => notes.map(({ param, why }) => `${param} was left out: ${why}`),
    first: () => notes[0]?.param,
  }
}

/** Refuses what would be left out. Throws UNSUPPORTED for the first field. */
export function refuseNotes(notes: Notes): void {
  const param = notes.first()
  if (param !== undefined)
    throw unsupportedField(param, 'would be left out, and strict forbids that: leave it out yourself')
}
