// The state of one process as a plain value: what health checks, watches, gauges, alerts and the page all read.
import type { ProviderKeyState } from '../core/provider.ts'
import type { CircuitState } from '../routing/circuit-life.ts'

/** How well something is. */
export type Wellness = 'healthy' | 'degraded' | 'unhealthy'

/** The state of one part, for people and programs. */
export interface ComponentReport {
  readonly status: Wellness
  /** Why it is not healthy; empty when it is. */
  readonly reason: string
}

/** A part by name, and when it came into its state, in milliseconds since the Unix epoch. */
export interface PartState extends ComponentReport {
  readonly name: string
  readonly sinceMs: number
}

/** A provider; its name is its id. */
export interface ProviderState extends PartState {
  readonly keys: readonly ProviderKeyState[]
}

/** A store. */
export interface StoreState extends PartState {
  /** Bytes that are free where it keeps its data. Absent: unknown. */
  readonly freeBytes?: number | undefined
}

/** What waits to be written to stores behind the embedded one. */
export interface BacklogState {
  readonly rows: number
  /** Of the oldest row, in milliseconds; 0 when none waits. */
  readonly ageMs: number
  readonly deadLetters: number
}

/** The state of the whole. */
export interface GatewayState {
  readonly status: Wellness
  readonly components: readonly PartState[]
  readonly providers: readonly ProviderState[]
  readonly circuits: readonly CircuitState[]
  readonly stores: readonly StoreState[]
  readonly backlog: BacklogState
  readonly configVersion: number
  readonly isDraining: boolean
  /** When it was computed, in milliseconds since the Unix epoch. */
  readonly at: number
}

/** Nothing waits. */
export const NO_BACKLOG: BacklogState = { rows: 0, ageMs: 0, deadLetters: 0 }

/**
 * Tells two states apart: the same text means that nobody needs to be told. What moves with every call or second, such as the
 * share of failures in a window or the age of what waits, is not in it.
 */
export function fingerprintOf(state: GatewayState): string {
  const { status, components, providers, circuits, stores, backlog, configVersion, isDraining } = state
  return JSON.stringify([
    status,
    components.map(({ name, status: own, reason }) => [name, own, reason]),
    providers.map(({ name, status: own, reason, keys }) => [name, own, reason, keys]),
    circuits.map(({ provider, model, state: own, sinceMs, reason, held }) => [
      provider,
      model,
      own,
      sinceMs,
      reason,
      held,
    ]),
    stores.map(({ name, status: own, reason }) => [name, own, reason]),
    // Only when it has grown or shrunk by half: with every call some rows wait for a moment.
    [Math.ceil(Math.log2(backlog.rows + 1)), backlog.deadLetters],
    configVersion,
    isDraining,
  ])
}
