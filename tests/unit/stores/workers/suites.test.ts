// State that workers share: the suites of the port, on two workers of one owner, each behind a socket of its own.
import { recordingSuite } from '../../../suites/recording.ts'
import { sharedSuite } from '../../../suites/shared.ts'
import { createWorkersRig } from '../../../support/workers-rig.ts'

sharedSuite('the shared state of workers', () => createWorkersRig())
recordingSuite('a recording of a worker', async () => {
  const rig = await createWorkersRig()
  const { shared, other } = rig
  // A recorder waits for nobody, so the suite looks at once: here, once all that was sent before has been done.
  const barrier = (): Promise<unknown> => shared.get('any')
  const late: typeof other = {
    ...other,
    async read(...asked) {
      await barrier()
      return other.read(...asked)
    },
    async *tail(...asked) {
      await barrier()
      yield* other.tail(...asked)
    },
  }
  return { ...rig, other: late }
})
