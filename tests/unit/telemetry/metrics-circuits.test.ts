// The metrics of circuits and configurations, and the names that labels learn from a new configuration.
import { describe, expect, test } from 'vitest'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

function setUp() {
  const metrics = createMetrics({ providers: ['double'], models: ['m', 'n'], methods: [] })
  const lines = async (name: string): Promise<readonly string[]> => {
    const { body } = await metrics.text()
    return body.split('\n').filter(line => line.startsWith(name))
  }
  return { metrics, lines }
}

describe('the state of a circuit', () => {
  test('is 0 closed, 1 open and 2 half-open, asked at each scrape', async () => {
    const { metrics, lines } = setUp()
    expect(await lines('exai_circuit_breaker_state')).toEqual([])
    let state: 'closed' | 'open' | 'half_open' = 'open'
    metrics.bindCircuits(() => [
      { provider: 'double', model: 'm', state },
      { provider: 'double', model: 'n', state: 'closed' },
    ])
    expect((await lines('exai_circuit_breaker_state')).toSorted()).toEqual([
      'exai_circuit_breaker_state{provider="double",model="m"} 1',
      'exai_circuit_breaker_state{provider="double",model="n"} 0',
    ])
    state = 'half_open'
    expect(await lines('exai_circuit_breaker_state')).toContain(
      'exai_circuit_breaker_state{provider="double",model="m"} 2',
    )
  })

  test.each([
    [['closed', 'open', 'half_open'], 1],
    [['half_open', 'closed'], 2],
    [['closed', 'closed'], 0],
  ] as const)('of models that nobody knows is the worst of them: %j', async (states, value) => {
    const { metrics, lines } = setUp()
    metrics.bindCircuits(() =>
      states.map((state, at) => ({ provider: 'double', model: `made-up-${at}`, state })),
    )
    expect(await lines('exai_circuit_breaker_state')).toEqual([
      `exai_circuit_breaker_state{provider="double",model="other"} ${value}`,
    ])
  })
})

test('changes of circuits are counted by where they came from and went to', async () => {
  const { metrics, lines } = setUp()
  const change = { provider: 'double', model: 'm', from: 'closed', to: 'open' } as const
  metrics.circuitChanged(change)
  metrics.circuitChanged(change)
  metrics.circuitChanged({ ...change, model: 'made-up', from: 'open', to: 'half_open' })
  expect(await lines('exai_circuit_breaker_transitions_total')).toEqual([
    'exai_circuit_breaker_transitions_total{provider="double",model="m",from="closed",to="open"} 2',
    'exai_circuit_breaker_transitions_total{provider="double",model="other",from="open",to="half_open"} 1',
  ])
})

test('the configuration in use is a number, and refused ones are counted', async () => {
  const { metrics, lines } = setUp()
  expect(await lines('exai_config')).toContain('exai_config_refused_total 0')
  metrics.configTaken(1)
  metrics.configTaken(2)
  metrics.configRefused()
  expect(await lines('exai_config')).toEqual(['exai_config_version 2', 'exai_config_refused_total 1'])
})

describe('names of a new configuration', () => {
  test('are labels from then on', async () => {
    const { metrics, lines } = setUp()
    metrics.cost({ provider: 'new', model: 'x' }, 1_000_000_000n)
    metrics.know({ providers: ['new'], models: ['x'] })
    metrics.cost({ provider: 'new', model: 'x' }, 1_000_000_000n)
    metrics.cost({ provider: 'double', model: 'm' }, 1_000_000_000n)
    expect(await lines('exai_cost_usd_total')).toEqual([
      'exai_cost_usd_total{provider="other",model="other"} 1',
      'exai_cost_usd_total{provider="new",model="x"} 1',
      'exai_cost_usd_total{provider="double",model="m"} 1',
    ])
  })

  test('have an end', async () => {
    const { metrics, lines } = setUp()
    metrics.know({ providers: [], models: Array.from({ length: 10_000 }, (_, at) => `model-${at}`) })
    metrics.cost({ provider: 'double', model: 'model-0' }, 1_000_000_000n)
    metrics.cost({ provider: 'double', model: 'model-9999' }, 1_000_000_000n)
    expect(await lines('exai_cost_usd_total')).toEqual([
      'exai_cost_usd_total{provider="double",model="model-0"} 1',
      'exai_cost_usd_total{provider="double",model="other"} 1',
    ])
  })
})
