// What happens in the service: one place that hears of it, and everybody there who listens.
import { GatewayError } from '../core/errors.ts'
import type { CircuitStateName, EventSink } from '../core/gateway-event.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from './metrics.ts'

/** The events of one process. */
export interface Events {
  /** Tells everybody who listens, in the order in which they came, before it returns. Never throws. */
  readonly emit: EventSink
  /** Calls the listener with each event from now on. Returns the way to stop that. Throws OVERLOADED when too many listen. */
  subscribe(listener: EventSink): () => void
}

/** What the events need. */
export interface EventsDeps {
  readonly log: Log
  /** How many may listen. Default: 1,000. */
  readonly listenersMax?: number
}

const LISTENERS_MAX = 1_000

/** Makes the events of a process. Nothing is kept: who doesn't listen at the time misses it. */
export function createEvents({ log, listenersMax = LISTENERS_MAX }: EventsDeps): Events {
  // One function may listen twice.
  // Never changed, but replaced: who begins or ends to listen does so for the next event.
  let listeners: readonly { readonly hear: EventSink }[] = []
  return {
    emit(event) {
      for (const { hear } of listeners) {
        try {
          hear(event)
        } catch (err) {
          // Whoever reports must not suffer from who listens.
          log.error('a listener of events failed', { event: event.type, err })
        }
      }
    },
    subscribe(hear) {
      if (listeners.length >= listenersMax)
        throw new GatewayError('OVERLOADED', `no more than ${listenersMax} can watch events at the same time`)
      const listener = { hear }
      listeners = [...listeners, listener]
      return () => {
        listeners = listeners.filter(one => one !== listener)
      }
    },
  }
}

/** Makes a listener that turns events into log lines and numbers. */
export function createObserver(deps: {
  readonly log: Log
  readonly metrics: Pick<Metrics, 'circuitChanged' | 'configTaken' | 'configRefused'>
}): EventSink {
  const { log, metrics } = deps
  return event => {
    switch (event.type) {
      case 'circuit.changed': {
        const { type: _, to, ...facts } = event
        const { level, message } = circuitLines[to]
        metrics.circuitChanged(event)
        return log[level](message, facts)
      }
      case 'config.taken':
        metrics.configTaken(event.version)
        return log.info('configuration taken', { configVersion: event.version })
      case 'config.refused':
        metrics.configRefused()
        return log.error('configuration refused, the one before it stays', {
          configVersion: event.version,
          problems: event.problems,
        })
      case 'alert.began':
      case 'alert.ended': {
        const { type, name, message, provider, model, tenant } = event
        if (type === 'alert.ended') return log.info('alert ended', { alert: name, provider, model, tenant })
        return log.warn('alert began', { alert: name, reason: message, provider, model, tenant })
      }
      // Calls have a line of their own, and what happens within them stands there.
      case 'request.started':
      case 'request.ended':
      case 'attempt.started':
      case 'attempt.ended':
      case 'limit.refused':
      case 'limit.near':
      case 'file.changed':
        return
      default:
        return event satisfies never
    }
  }
}

const circuitLines = {
  open: { level: 'warn', message: 'circuit opened' },
  half_open: { level: 'info', message: 'circuit half-open' },
  closed: { level: 'info', message: 'circuit closed' },
} as const satisfies Record<CircuitStateName, { readonly level: keyof Log; readonly message: string }>
