// What calls make stays in the young part of V8's heap, where nobody pays for what is over.
import { setFlagsFromString } from 'node:v8'

const AS_IT_IS = '--allocation-site-pretenuring'
const YOUNG = '--no-allocation-site-pretenuring'

/**
 * Keeps V8 from making objects in the old part of the heap where many of their kind outlived a few collections, as those of calls do
 * while a process is new: from then on all that calls make stays until the whole heap is collected, and each small collection takes
 * several times as long. To be called when the service has started: code that Node has kept compiled is refused under other flags.
 */
export function keepYoung(): void {
  setFlagsFromString(YOUNG)
  // Node keeps then what was compiled since, for a start under the usual flags.
  process.once('exit', () => setFlagsFromString(AS_IT_IS))
}
