// How the service is: one state, computed from what is, and read by health checks, watches and pages alike.
import type { Provider } from '../core/provider.ts'
import type { CircuitState } from '../routing/circuit-life.ts'

/** What grpc.health.v1 says of a name. */
export type Serving = 'SERVING' | 'NOT_SERVING'

/** How a provider is: it answers, with some of its models only, or not at all. */
export type ProviderHealth = 'ok' | 'degraded' | 'down'

/** What the state is computed from. */
export interface StatusDeps {
  /** The providers that are configured now, in configured order. */
  readonly providers: () => readonly Provider[]
  /** The circuits that exist. A model without one is as good as closed. */
  readonly circuits: () => readonly Pick<CircuitState, 'provider' | 'state'>[]
  /** Full names of the services of the port. */
  readonly services: readonly string[]
  /** How our own store is. Absent: there is none. */
  readonly store?: () => ComponentReport
  /** How other parts are, by name; none of them keeps calls from being answered. Absent: there are none. */
  readonly others?: () => Readonly<Record<string, ComponentReport>>
}

/** The state of one part, for people and programs. */
export interface ComponentReport {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
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
  /**
   * The whole: unhealthy when nobody can answer or our own store cannot write, degraded while it drains or a provider that was in use, or another part, is not well. A
   * provider that was never given a key is no fault.
   */
  report(): StatusReport
  /** Every provider and how it is. */
  providers(): readonly { readonly id: string; readonly health: ProviderHealth }[]
  /** Whether new calls are welcome: not while it drains or our own store cannot write. A dead provider never changes that. */
  isReady(): boolean
  /** Every name that health checks may ask for. */
  names(): readonly string[]
  /** What a health check gets; undefined for an unknown name. */
  serving(name: string): Serving | undefined
  /** Calls the listener after each change. Returns the way to stop that. */
  onChange(listener: () => void): () => void
  /** Tells the listeners that something has changed: other providers are configured, or one is used otherwise. */
  changed(): void
  /** From now on the service is going away: everything but `live` is NOT_SERVING. */
  drain(): void
}

/** Name under which health checks learn that the process is there, until it exits. */
export const LIVE = 'live'

/** Name of our own store among the components. */
const STORE = 'store'

interface Wellness {
  readonly health: ProviderHealth
  /** Empty when it is ok. */
  readonly reason: string
}

const STATUS = { ok: 'healthy', degraded: 'degraded', down: 'unhealthy' } as const satisfies Record<
  ProviderHealth,
  ComponentReport['status']
>

/** Makes the state of a running service. */
export function createStatus({
  providers,
  circuits,
  services,
  store,
  others = () => ({}),
}: StatusDeps): Status {
  const listeners = new Set<() => void>()
  const known = new Set(['', ...services])
  let isDraining = false
  const isKeeping = (): boolean => store === undefined || store().status === 'healthy'

  function wellness({ id, unusableReason }: Provider): Wellness {
    if (unusableReason !== '') return { health: 'down', reason: unusableReason }
    const own = circuits().filter(({ provider }) => provider === id)
    const open = own.filter(({ state }) => state === 'open').length
    const shut = own.filter(({ state }) => state !== 'closed').length
    if (shut === 0) return { health: 'ok', reason: '' }
    if (open === own.length) return { health: 'down', reason: 'every circuit of its models in use is open' }
    return {
      health: 'degraded',
      reason: `${shut} of ${own.length} circuits of its models in use are not closed`,
    }
  }

  function serving(name: string): Serving | undefined {
    if (name === LIVE) return 'SERVING'
    const provider = providers().find(({ id }) => name === healthNameOf(id))
    if (provider === undefined && !known.has(name)) return undefined
    return isDraining ||
      (name === '' && !isKeeping()) ||
      (provider !== undefined && wellness(provider).health === 'down')
      ? 'NOT_SERVING'
      : 'SERVING'
  }

  function changed(): void {
    for (const listener of [...listeners]) listener()
  }

  return {
    report() {
      const all = providers().map(provider => ({ provider, ...wellness(provider) }))
      const parts = { ...others(), ...(store === undefined ? {} : { [STORE]: store() }) }
      const isUsable = all.some(({ health }) => health !== 'down')
      const isUnwell =
        Object.values(parts).some(({ status }) => status !== 'healthy') ||
        all.some(
          ({ provider, health }) =>
            health !== 'ok' && (provider.unusableReason === '' || provider.outage !== undefined),
        )
      return {
        status: !isUsable || !isKeeping() ? 'unhealthy' : isDraining || isUnwell ? 'degraded' : 'healthy',
        components: Object.fromEntries([
          ...Object.entries(parts),
          ...all.map(
            ({ provider, health, reason }) =>
              [healthNameOf(provider.id), { status: STATUS[health], reason }] as const,
          ),
        ]),
      }
    },
    providers: () => providers().map(provider => ({ id: provider.id, health: wellness(provider).health })),
    isReady: () => !isDraining && isKeeping(),
    names: () => ['', ...services, ...providers().map(({ id }) => healthNameOf(id)), LIVE],
    serving,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    changed,
    drain() {
      if (isDraining) return
      isDraining = true
      changed()
    },
  }
}

function healthNameOf(provider: string): string {
  return `provider/${provider}`
}
