// Shared state by configuration: in the process without a Redis, and in Redis with one, whose absence is only a degradation.
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openSharing, type RedisOutcome } from '../../src/sharing.ts'
import { startRedis } from '../support/redis-rig.ts'
import { until } from '../support/scripted-completion.ts'

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

async function open(redisUrl?: string, onCommand?: (outcome: RedisOutcome) => void) {
  const sharing = await openSharing({
    redisUrl,
    clock: systemClock,
    log,
    ...(onCommand === undefined ? {} : { onCommand }),
  })
  onTestFinished(sharing.close)
  return sharing
}

it('is in the process alone when there is no redis, and that is no part of health', async () => {
  const sharing = await open()
  await sharing.shared.set('v', Uint8Array.of(1), 60_000)
  expect([...((await sharing.shared.get('v')) ?? [])]).toEqual([1])
  expect([sharing.health(), sharing.isUp()]).toEqual([{}, undefined])
})

it('is degraded and never more when redis is out, says why, and is healthy again by itself', async () => {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const outcomes: RedisOutcome[] = []
  const sharing = await open(server.url, outcome => void outcomes.push(outcome))
  await until(() => sharing.isUp() === true)
  expect(sharing.health()).toEqual({ redis: { status: 'healthy', reason: '' } })
  expect(outcomes).toContain('ok')
  let changes = 0
  const stop = sharing.onHealth(() => {
    changes += 1
  })
  await server.kill()
  await until(() => changes === 1)
  expect(sharing.health()).toEqual({
    redis: {
      status: 'degraded',
      reason: expect.stringMatching(
        /^there is no connection.*; this process shares nothing with others until it does$/,
      ),
    },
  })
  stop()
  await server.restart()
  await until(() => sharing.isUp() === true)
  expect(changes).toBe(1)
})
