// Recordings on the shared state of a single process.
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { recordingSuite } from '../../suites/recording.ts'
import { createHandClock } from '../../support/hand-clock.ts'

recordingSuite('a recording in the process', async () => {
  const clock = createHandClock()
  const shared = createProcessShared({ clock, onFault: () => undefined, sweepEveryMs: 5 })
  return { shared, other: shared, elapse: async ms => clock.pass(ms), close: shared.close }
})
