// What a worker asks the owner of the shared state, by name, with the port's own arguments in a list.
import type { Shared } from '../../core/shared.ts'

/** The methods that are asked as they are. */
export const ASKED = [
  'get',
  'set',
  'claim',
  'swap',
  'remove',
  'append',
  'trim',
  'read',
  'reserve',
  'settle',
  'renew',
  'adjust',
] as const satisfies readonly (keyof Shared)[]

/** Name of such a method. */
export type AskedName = (typeof ASKED)[number]

/** The name of a question between two processes. */
export function questionOf(name: AskedName): string {
  return `shared.${name}`
}

/** Follows a log: `[log, after]`. */
export const TAIL = 'shared.tail'
/** Tells everybody else who listens to a topic: `[topic, message]`. */
export const PUBLISH = 'shared.publish'
/** Begins to listen to a topic, or ends it: `[topic, whether]`. */
export const LISTEN = 'shared.listen'
/** Said to every other worker, and answered when its listeners were called: `[topic, message]`. */
export const HEARD = 'shared.heard'
