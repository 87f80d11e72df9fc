// The state of the whole as a worker has it: told by the owner, but for what this worker knows at once.
import type { ComponentReport, GatewayState } from '../status/state.ts'
import { HEALTH, healthNameOf, LIVE, type Serving, type Status } from '../status/status.ts'

/** What it is made of. */
export interface ToldStatusDeps {
  /** What the owner told last. */
  readonly told: () => GatewayState
  /** How the store answers this worker. */
  readonly store: () => ComponentReport
  readonly services: readonly string[]
  readonly now: () => number
  /** Called when this worker has found something that the owner should know. */
  readonly onChange: () => void
}

/** The state of a worker. */
export interface ToldStatus extends Status {
  /** Tells the listeners that the owner told something new. */
  renewed(): void
}

/** Makes it. */
export function createToldStatus({ told, store, services, now, onChange }: ToldStatusDeps): ToldStatus {
  const listeners = new Set<() => void>()
  const known = new Set(['', ...services])
  let isLeaving = false
  const isDraining = (): boolean => isLeaving || told().isDraining
  const isKeeping = (): boolean => store().status !== 'unhealthy'

  function state(): GatewayState {
    const all = told()
    const status = isKeeping() ? all.status : 'unhealthy'
    return {
      ...all,
      status: status === 'healthy' && isDraining() ? 'degraded' : status,
      isDraining: isDraining(),
      at: now(),
    }
  }

  function renewed(): void {
    for (const listener of [...listeners]) listener()
  }

  function serving(name: string): Serving | undefined {
    if (name === LIVE) return 'SERVING'
    const provider = told().providers.find(one => name === healthNameOf(one.name))
    if (provider === undefined && !known.has(name)) return undefined
    return isDraining() || (name === '' && !isKeeping()) || provider?.status === 'unhealthy'
      ? 'NOT_SERVING'
      : 'SERVING'
  }

  return {
    state,
    report() {
      const { status, components } = state()
      const shown = components.map(one => [one.name, { status: one.status, reason: one.reason }] as const)
      return { status, components: Object.fromEntries(shown) }
    },
    providers: () => told().providers.map(({ name, status }) => ({ id: name, health: HEALTH[status] })),
    isReady: () => !isDraining() && isKeeping(),
    names: () => ['', ...services, ...told().providers.map(({ name }) => healthNameOf(name)), LIVE],
    serving,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    changed: onChange,
    renewed,
    drain() {
      if (isLeaving) return
      isLeaving = true
      renewed()
    },
  }
}
