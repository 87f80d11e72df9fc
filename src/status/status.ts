// How the service is: one state, computed from what is, and read by health checks, watches and pages alike.
import type { Provider } from '../core/provider.ts'

/** What grpc.health.v1 says of a name. */
export type Serving = 'SERVING' | 'NOT_SERVING'

/** What the state is computed from. */
export interface StatusDeps {
  /** Configured providers, in configured order. */
  readonly providers: readonly Provider[]
  /** Full names of the services of the port. */
  readonly services: readonly string[]
}

/** The state of one part, for people and programs. */
export interface ComponentReport {
  readonly status: 'healthy' | 'unhealthy'
  /** Why it is not healthy; empty when it is. */
  readonly reason: string
}

/** The state of the whole. */
export interface StatusReport {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  readonly components: Readonly<Record<string, ComponentReport>>
}

/** The one state. */
export interface Status {
  /** The whole: unhealthy when nobody can answer, degraded while it drains. A provider that was never given a key is no fault. */
  report(): StatusReport
  /** Whether new calls are welcome. A dead provider never changes that. */
  isReady(): boolean
  /** Every name that health checks may ask for. */
  names(): readonly string[]
  /** What a health check gets; undefined for an unknown name. */
  serving(name: string): Serving | undefined
  /** Calls the listener after each change. Returns the way to stop that. */
  onChange(listener: () => void): () => void
  /** From now on the service is going away: everything but `live` is NOT_SERVING. */
  drain(): void
}

/** Name under which health checks learn that the process is there, until it exits. */
export const LIVE = 'live'

/** Makes the state of a running service. */
export function createStatus({ providers, services }: StatusDeps): Status {
  const listeners = new Set<() => void>()
  const byHealthName = new Map(providers.map(provider => [`provider/${provider.id}`, provider]))
  const known = new Set(['', ...services])
  let isDraining = false

  function serving(name: string): Serving | undefined {
    if (name === LIVE) return 'SERVING'
    const provider = byHealthName.get(name)
    if (provider === undefined && !known.has(name)) return undefined
    return isDraining || (provider !== undefined && provider.unusableReason !== '')
      ? 'NOT_SERVING'
      : 'SERVING'
  }

  return {
    report() {
      const usable = providers.some(provider => provider.unusableReason === '')
      const components = providers.map(({ id, unusableReason }): [string, ComponentReport] => [
        `provider/${id}`,
        { status: unusableReason === '' ? 'healthy' : 'unhealthy', reason: unusableReason },
      ])
      return {
        status: usable ? (isDraining ? 'degraded' : 'healthy') : 'unhealthy',
        components: Object.fromEntries(components),
      }
    },
    isReady: () => !isDraining,
    names: () => ['', ...services, ...byHealthName.keys(), LIVE],
    serving,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    drain() {
      if (isDraining) return
      isDraining = true
      for (const listener of [...listeners]) listener()
    },
  }
}
