// Events: everybody who listens hears them, and the observer turns them into lines and numbers.
import { describe, expect, test } from 'vitest'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import type { Log } from '../../../src/core/log.ts'
import { createEvents, createObserver } from '../../../src/telemetry/events.ts'

const taken: GatewayEvent = { type: 'config.taken', version: 2 }

function recordingLog() {
  const lines: unknown[][] = []
  const at =
    (level: string) =>
    (...line: unknown[]): void =>
      void lines.push([level, ...line])
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { log, lines }
}

describe('events', () => {
  test('reach everybody who listens, until they stop', () => {
    const { emit, subscribe } = createEvents(recordingLog())
    const heard: string[] = []
    const stops = ['first', 'second', 'third'].map(name => subscribe(() => heard.push(name)))
    emit(taken)
    stops[0]?.()
    stops[0]?.()
    emit(taken)
    expect(heard).toEqual(['first', 'second', 'third', 'second', 'third'])
  })

  test('reach one function twice when it listens twice', () => {
    const { emit, subscribe } = createEvents(recordingLog())
    let heard = 0
    const listener = (): void => {
      heard += 1
    }
    const stop = subscribe(listener)
    subscribe(listener)
    emit(taken)
    stop()
    emit(taken)
    expect(heard).toBe(3)
  })

  test('reach the others when one listener throws, and the log says so', () => {
    const { log, lines } = recordingLog()
    const { emit, subscribe } = createEvents({ log })
    const err = new Error('from a listener')
    const heard: GatewayEvent[] = []
    subscribe(() => {
      throw err
    })
    subscribe(event => heard.push(event))
    emit(taken)
    expect(heard).toEqual([taken])
    expect(lines).toEqual([['error', 'a listener of events failed', { event: 'config.taken', err }]])
  })

  test('have room for only so many listeners', () => {
    const { subscribe } = createEvents({ ...recordingLog(), listenersMax: 1 })
    const stop = subscribe(() => undefined)
    expect(() => subscribe(() => undefined)).toThrow(expect.objectContaining({ reason: 'OVERLOADED' }))
    stop()
    expect(subscribe(() => undefined)).toBeTypeOf('function')
  })
})

describe('the observer', () => {
  function observe(event: GatewayEvent) {
    const { log, lines } = recordingLog()
    const numbers: unknown[][] = []
    createObserver({
      log,
      metrics: {
        circuitChanged: ({ provider, model, from, to }) =>
          void numbers.push(['circuit', provider, model, from, to]),
        configTaken: version => void numbers.push(['taken', version]),
        configRefused: () => void numbers.push(['refused']),
      },
    })(event)
    return { lines, numbers }
  }

  const change = { type: 'circuit.changed', provider: 'double', model: 'm' } as const

  test.each([
    ['open', 'warn', 'circuit opened'],
    ['half_open', 'info', 'circuit half-open'],
    ['closed', 'info', 'circuit closed'],
  ] as const)('says when a circuit becomes %s', (to, level, message) => {
    const { lines, numbers } = observe({ ...change, from: 'closed', to, reason: '12 of 20 calls failed' })
    expect(lines).toEqual([
      [level, message, { provider: 'double', model: 'm', from: 'closed', reason: '12 of 20 calls failed' }],
    ])
    expect(numbers).toEqual([['circuit', 'double', 'm', 'closed', to]])
  })

  test('says which configuration was taken', () => {
    expect(observe(taken)).toEqual({
      lines: [['info', 'configuration taken', { configVersion: 2 }]],
      numbers: [['taken', 2]],
    })
  })

  test('says what is wrong with a refused one', () => {
    expect(observe({ type: 'config.refused', version: 2, problems: ['providers[0]: no kind'] })).toEqual({
      lines: [
        [
          'error',
          'configuration refused, the one before it stays',
          { configVersion: 2, problems: ['providers[0]: no kind'] },
        ],
      ],
      numbers: [['refused']],
    })
  })
})
