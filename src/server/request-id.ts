// Names each call: the caller's own x-request-id when it can be trusted in a log line, else a made one.
import type { Clock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'

/** Header of a request and of every answer. */
export const REQUEST_ID_HEADER = 'x-request-id'

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/

/** The id of a request whose header has this value: the value itself, or a new id when it is absent or of another shape. */
export function requestIdOf(value: string | readonly string[] | undefined, clock: Clock): string {
  return typeof value === 'string' && ACCEPTED.test(value) ? value : newId('call', clock.now())
}
