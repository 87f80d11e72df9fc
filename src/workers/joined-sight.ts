// What several workers see as one: of a provider, a circuit or the store the worst that any of them sees.
import { GatewayError } from '../core/errors.ts'
import type { ProviderKeyState } from '../core/provider.ts'
import type { CircuitState } from '../routing/circuit-life.ts'
import type { ComponentReport } from '../status/state.ts'
import type { SeenProvider } from '../status/status.ts'
import type { ProviderSight, Sight } from './words.ts'

/** The providers, in the order of those who know the newest configuration. */
export function joinedProviders(sights: readonly Sight[]): readonly SeenProvider[] {
  const newest = Math.max(0, ...sights.map(({ configVersion }) => configVersion))
  const current = sights.filter(({ configVersion }) => configVersion === newest)
  const [first] = current
  return (first?.providers ?? []).map(({ id }) =>
    joinedProvider(current.flatMap(sight => sight.providers.filter(one => one.id === id))),
  )
}

function joinedProvider(seen: readonly ProviderSight[]): SeenProvider {
  const [first] = seen
  const unusable = seen.find(({ unusableReason }) => unusableReason !== '')
  const keys = joinedKeys(seen.map(one => one.keys))
  return {
    id: first?.id ?? '',
    unusableReason: unusable?.unusableReason ?? '',
    ...(seen.some(({ isOut }) => isOut)
      ? { outage: new GatewayError('UPSTREAM_UNAVAILABLE', 'it cannot be used now') }
      : {}),
    keys: () => keys,
  }
}

/** Each key as the worker sees it where it is out for longest. */
function joinedKeys(all: readonly (readonly ProviderKeyState[])[]): readonly ProviderKeyState[] {
  const [first = []] = all
  return first.map((key, index) =>
    all.reduce((worst, keys) => {
      const other = keys[index]
      return (other?.out?.untilMs ?? -1) > (worst.out?.untilMs ?? -1) && other !== undefined ? other : worst
    }, key),
  )
}

// From good to bad.
const ORDER: Readonly<Record<CircuitState['state'], number>> = { closed: 0, half_open: 1, open: 2 }

/** The circuits, each as the worker sees it where it is worst. */
export function joinedCircuits(sights: readonly Sight[]): readonly CircuitState[] {
  const worst = new Map<string, CircuitState>()
  for (const circuit of sights.flatMap(({ circuits }) => circuits)) {
    const name = JSON.stringify([circuit.provider, circuit.model])
    const before = worst.get(name)
    if (before === undefined || isWorse(circuit, before)) worst.set(name, circuit)
  }
  return [...worst.values()].sort((a, b) => compared(a.provider, b.provider) || compared(a.model, b.model))
}

function isWorse(one: CircuitState, other: CircuitState): boolean {
  if (ORDER[one.state] !== ORDER[other.state]) return ORDER[one.state] > ORDER[other.state]
  return one.callCount > other.callCount
}

/** The store: how it is where it is worst. */
export function joinedStore(sights: readonly Sight[], own: ComponentReport): ComponentReport {
  return [own, ...sights.map(({ store }) => store)].find(({ status }) => status !== 'healthy') ?? own
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
