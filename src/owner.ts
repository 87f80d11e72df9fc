// What a worker gets from the process that owns what all workers of a service share: the composition root takes it in the place of its own.
import type { Snapshot } from './config/snapshot.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Keeping } from './keeping.ts'
import type { OpenMonitoring, OpenMonitoringDeps } from './monitoring.ts'
import type { Sharing } from './sharing.ts'
import type { AuditedSwitch } from './status/audited-switch.ts'
import type { CircuitSwitch } from './status/circuit-switch.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** The owner as a worker sees it. */
export interface Owner {
  /** Opens what is kept; the store itself is open at the owner's. */
  keeping(deps: { readonly clock: Clock; readonly log: Log }): Promise<Keeping>
  readonly sharing: Sharing
  /** Begins to see; the state of the whole comes from the owner. */
  monitoring(deps: OpenMonitoringDeps): OpenMonitoring
  /** The numbers of all processes as one page. */
  readonly metricsText: Metrics['text']
  /** Switches circuits in all workers. */
  switching(own: CircuitSwitch): AuditedSwitch
  /** Whether this is the first worker to tell that what a counter counts is nearly used. */
  firstOfAll(counter: string): Promise<boolean>
  /** How many workers there are. */
  readonly workers: number
  /** Whether this is the worker that does what has to be done from time to time. */
  readonly isKeeper: boolean
  /** Takes what the owner asks for from now on. */
  serve(asked: WorkerParts): void
}

/** What the owner asks a worker for. */
export interface WorkerParts {
  /** Puts a Snapshot into use. Throws GatewayError when that cannot be done, and then the old one is still in use. */
  readonly take: (snapshot: Snapshot) => void
  readonly metrics: Pick<Metrics, 'values'>
  readonly circuitSwitch: CircuitSwitch
}
