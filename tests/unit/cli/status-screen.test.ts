// The one screen of `exai status`: what is wrong is said with since when, and what is well stays short.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import {
  Circuit_State as CircuitState,
  HealthState,
  ProviderKeyStatus_State as KeyState,
  StatusSchema,
} from '#gen/exai/v1/status_pb'
import { statusScreen } from '../../../src/cli/status-screen.ts'
import { durationOf, timestampOf } from '../../../src/core/time.ts'

const now = Date.parse('2026-11-22T17:00:00Z')
const ago = (ms: number) => ({ changeTime: timestampOf(now - ms) })

const screenOf = (own: MessageInitShape<typeof StatusSchema>) =>
  statusScreen(create(StatusSchema, { version: '2.4.0', instance: 'host:7', configVersion: 3, ...own }), now)

describe('the screen of a state', () => {
  it('of a healthy service is short', () => {
    const { text, isWell } = screenOf({
      state: HealthState.HEALTHY,
      uptime: durationOf(3_725_000),
      components: [
        { name: 'store', state: HealthState.HEALTHY },
        { name: 'provider/openai', state: HealthState.HEALTHY },
      ],
      providers: [
        {
          provider: 'openai',
          state: HealthState.HEALTHY,
          keys: [{ label: 'OPENAI_API_KEY', state: KeyState.READY }],
        },
        { provider: 'glm', state: HealthState.UNHEALTHY, detail: 'glm has no key: set GLM_API_KEY' },
      ],
      stores: [{ name: 'sqlite', state: HealthState.HEALTHY, freeBytes: 3n * 1024n ** 3n }],
      circuits: [{ provider: 'openai', model: 'm', state: CircuitState.CLOSED }],
      backlog: {},
    })
    expect(isWell).toBe(true)
    expect(text).toBe(`exai 2.4.0 on host:7: healthy, up 1 h 2 min, configuration 3

parts
  ok  store

providers
  ok  openai  1 of 1 keys ready

  without a key: glm

stores
  ok  sqlite  3.0 GiB free

circuits: 1 closed
`)
  })

  it('says what is wrong, since when, and until when', () => {
    const { text, isWell } = screenOf({
      state: HealthState.UNHEALTHY,
      draining: true,
      components: [{ name: 'config', state: HealthState.DEGRADED, detail: 'refused', ...ago(90_000) }],
      providers: [
        {
          provider: 'openai',
          state: HealthState.DEGRADED,
          detail: '1 of 2 circuits of its models in use are not closed',
          ...ago(5_000),
          keys: [
            {
              label: 'a',
              state: KeyState.COOLING_DOWN,
              detail: 'the provider limited its rate',
              coolDownUntilTime: timestampOf(now + 30_000),
            },
            { label: 'b', state: KeyState.READY },
          ],
        },
      ],
      circuits: [
        {
          provider: 'openai',
          model: 'm',
          state: CircuitState.OPEN,
          reason: '12 of 20 calls failed',
          probeTime: timestampOf(now + 25_000),
          ...ago(5_000),
        },
      ],
      backlog: { rowCount: 7, deadLetterCount: 1, oldestAgeDuration: durationOf(61_000) },
    })
    expect(isWell).toBe(false)
    expect(text).toContain('UNHEALTHY, shutting down')
    expect(text).toContain('so-so  config  refused (for 1 min 30 s)')
    expect(text).toContain('1 of 2 keys ready; a out for 30 s: the provider limited its rate')
    expect(text).toContain('circuits: 0 closed, 1 not\n')
    expect(text).toContain('openai/m open for 5 s: 12 of 20 calls failed, next probe in 25 s\n')
    expect(text).toContain('backlog: 7 rows wait, the oldest for 1 min 1 s; 1 refused for good\n')
  })

  it('shows no control characters of names from outside', () => {
    expect(screenOf({ instance: 'a\u001b[2Jb' }).text).not.toContain('\u001b')
  })
})
