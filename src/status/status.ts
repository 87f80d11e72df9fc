// How the service is: one state, computed from what is, and read by health checks, watches, gauges and pages alike.
import { type Clock, systemClock } from '../core/clock.ts'
import type { Provider, ProviderKeyState } from '../core/provider.ts'
import type { CircuitState } from '../routing/circuit-life.ts'
import {
  type BacklogState,
  type ComponentReport,
  type GatewayState,
  NO_BACKLOG,
  type PartState,
  type ProviderState,
  type StoreState,
  type Wellness,
} from './state.ts'

/** What grpc.health.v1 says of a name. */
export type Serving = 'SERVING' | 'NOT_SERVING'

/** How a provider is: it answers, with some of its models only, or not at all. */
export type ProviderHealth = 'ok' | 'degraded' | 'down'

/** A store as it reports itself. */
export interface StoreReport extends ComponentReport {
  /** Bytes that are free where it keeps its data. Absent: unknown. */
  readonly freeBytes?: number | undefined
}

/** What the state of a provider is computed from. */
export type SeenProvider = Pick<Provider, 'id' | 'unusableReason' | 'outage' | 'keys'>

/** What the state is computed from. */
export interface StatusDeps {
  /** The providers that are configured now, in configured order. */
  readonly providers: () => readonly SeenProvider[]
  /** The circuits that exist. A model without one is as good as closed. */
  readonly circuits: () => readonly CircuitState[]
  /** Full names of the services of the port. */
  readonly services: readonly string[]
  /** How our own store is. Absent: there is none. */
  readonly store?: () => ComponentReport
  /** How other parts are, by name; none of them keeps calls from being answered. Absent: there are none. */
  readonly others?: () => Readonly<Record<string, ComponentReport>>
  /** The stores in use, by name. Absent: they are not told. */
  readonly stores?: () => Readonly<Record<string, StoreReport>>
  /** What waits for stores behind the embedded one, as it was last looked at. Absent: nothing ever does. */
  readonly backlog?: () => BacklogState
  /** The number of the configuration that new calls begin with. Absent: 1. */
  readonly configVersion?: () => number
  readonly clock?: Clock
}

/** The state of the whole, as pages tell it. */
export interface StatusReport {
  readonly status: Wellness
  readonly components: Readonly<Record<string, ComponentReport>>
}

/** The one state. */
export interface Status {
  /**
   * The whole, computed now: unhealthy when nobody can answer or our own store cannot write, degraded while it drains or a
   * provider that was in use, or another part, is not well. A provider that was never given a key is no fault.
   */
  state(): GatewayState
  /** The same for pages. */
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
export const STORE = 'store'

/** The health of a provider by its state. */
export const HEALTH = { healthy: 'ok', degraded: 'degraded', unhealthy: 'down' } as const satisfies Record<
  Wellness,
  ProviderHealth
>

/** Makes the state of a running service. */
export function createStatus(deps: StatusDeps): Status {
  const { providers, circuits, services, store, clock = systemClock, others = () => ({}) } = deps
  const listeners = new Set<() => void>()
  const known = new Set(['', ...services])
  const sinceOf = createChangeTimes(clock)
  const steady = createSteadyKeys()
  let isDraining = false
  const isKeeping = (): boolean => store === undefined || store().status !== 'unhealthy'

  function providerState(provider: SeenProvider, all: readonly CircuitState[]): ProviderState {
    const { id } = provider
    const report = wellnessOf(
      provider,
      all.filter(one => one.provider === id),
    )
    return {
      ...report,
      name: id,
      sinceMs: sinceOf(healthNameOf(id), report.status),
      keys: steady(id, provider.keys?.() ?? []),
    }
  }

  function partOf([name, report]: readonly [string, ComponentReport]): PartState {
    return { ...report, name, sinceMs: sinceOf(name, report.status) }
  }

  function storeOf([name, { status, reason, freeBytes }]: readonly [string, StoreReport]): StoreState {
    const part = { name, status, reason, sinceMs: sinceOf(`store ${name}`, status) }
    return freeBytes === undefined ? part : { ...part, freeBytes }
  }

  function state(): GatewayState {
    const configured = providers()
    const allCircuits = circuits()
    const all = configured.map(provider => providerState(provider, allCircuits))
    const own = store === undefined ? {} : { [STORE]: store() }
    const parts = Object.entries({ ...others(), ...own }).map(partOf)
    const isUsable = all.some(({ status }) => status !== 'unhealthy')
    const isMissed = (one: ProviderState, index: number): boolean =>
      one.status !== 'healthy' &&
      (configured[index]?.unusableReason === '' || configured[index]?.outage !== undefined)
    const isUnwell = parts.some(({ status }) => status !== 'healthy') || all.some(isMissed)
    return {
      status: !isUsable || !isKeeping() ? 'unhealthy' : isDraining || isUnwell ? 'degraded' : 'healthy',
      components: [
        ...parts,
        ...all.map(({ name, status, reason, sinceMs }) => ({
          name: healthNameOf(name),
          status,
          reason,
          sinceMs,
        })),
      ],
      providers: all,
      circuits: allCircuits,
      stores: Object.entries(deps.stores?.() ?? {}).map(storeOf),
      backlog: deps.backlog?.() ?? NO_BACKLOG,
      configVersion: deps.configVersion?.() ?? 1,
      isDraining,
      at: clock.now(),
    }
  }

  function serving(name: string): Serving | undefined {
    if (name === LIVE) return 'SERVING'
    const provider = providers().find(({ id }) => name === healthNameOf(id))
    if (provider === undefined && !known.has(name)) return undefined
    return isDraining ||
      (name === '' && !isKeeping()) ||
      (provider !== undefined && providerState(provider, circuits()).status === 'unhealthy')
      ? 'NOT_SERVING'
      : 'SERVING'
  }

  function changed(): void {
    for (const listener of [...listeners]) listener()
  }

  return {
    state,
    report() {
      const { status, components } = state()
      const shown = components.map(one => [one.name, { status: one.status, reason: one.reason }] as const)
      return { status, components: Object.fromEntries(shown) }
    },
    providers: () => state().providers.map(({ name, status }) => ({ id: name, health: HEALTH[status] })),
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

function wellnessOf({ unusableReason }: SeenProvider, own: readonly CircuitState[]): ComponentReport {
  if (unusableReason !== '') return { status: 'unhealthy', reason: unusableReason }
  const open = own.filter(({ state }) => state === 'open').length
  const shut = own.filter(({ state }) => state !== 'closed').length
  if (shut === 0) return { status: 'healthy', reason: '' }
  if (open === own.length)
    return { status: 'unhealthy', reason: 'every circuit of its models in use is open' }
  return {
    status: 'degraded',
    reason: `${shut} of ${own.length} circuits of its models in use are not closed`,
  }
}

/** Name under which health checks ask for a provider. */
export function healthNameOf(provider: string): string {
  return `provider/${provider}`
}

// Names come and go with the configuration; one that has been gone this long among so many others begins anew.
const NAMES_MAX = 1_000

/** Remembers since when each part has been in its state. */
function createChangeTimes(clock: Clock): (name: string, status: Wellness) => number {
  const known = new Map<string, { readonly status: Wellness; readonly sinceMs: number }>()
  return (name, status) => {
    const before = known.get(name)
    if (before?.status === status) return before.sinceMs
    const sinceMs = clock.now()
    known.delete(name)
    known.set(name, { status, sinceMs })
    const [oldest] = known.keys()
    if (known.size > NAMES_MAX && oldest !== undefined) known.delete(oldest)
    return sinceMs
  }
}

// The end of a time out is made from two clocks each time it is asked for, and wavers by a moment.
const WAVER_MS = 1_000

/** Gives the end of a time out as it was told first, so that it does not look like a change. */
function createSteadyKeys() {
  const told = new Map<string, readonly ProviderKeyState[]>()
  return (provider: string, keys: readonly ProviderKeyState[]): readonly ProviderKeyState[] => {
    const before = told.get(provider) ?? []
    const now = keys.map(({ label, out }, index): ProviderKeyState => {
      const last = before[index]
      if (out === undefined) return { label }
      const isSame =
        last?.out?.trouble === out.trouble &&
        last.label === label &&
        Math.abs(last.out.untilMs - out.untilMs) < WAVER_MS
      return isSame ? last : { label, out }
    })
    told.set(provider, now)
    if (told.size > NAMES_MAX) told.clear()
    return now
  }
}
