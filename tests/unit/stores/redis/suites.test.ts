// Shared state in Redis: the suites of the port, on two processes that meet in one server.
import { afterAll, beforeAll } from 'vitest'
import { recordingSuite } from '../../../suites/recording.ts'
import { sharedSuite } from '../../../suites/shared.ts'
import { createRedisSharedRig, type RedisServer, startRedis } from '../../../support/redis-rig.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

sharedSuite('the shared state in redis', () => createRedisSharedRig(server))
recordingSuite('a recording in redis', async () => {
  const rig = await createRedisSharedRig(server)
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
