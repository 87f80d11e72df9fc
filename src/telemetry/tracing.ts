// What a tracer is, whoever makes it, and what it is made from.
import type { Log } from '../core/log.ts'
import type { TraceCall } from '../core/trace.ts'
import type { Metrics } from './metrics.ts'

/** How a trace is chosen, by the names of OpenTelemetry's OTEL_TRACES_SAMPLER. */
export type SamplerName =
  | 'always_on'
  | 'always_off'
  | 'traceidratio'
  | 'parentbased_always_on'
  | 'parentbased_always_off'
  | 'parentbased_traceidratio'

/** Where spans go, and which. */
export interface TracingSettings {
  /** Of the traces alone, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  readonly sampler: SamplerName
  /** Share of traces from 0 to 1, for the samplers by ratio. */
  readonly ratio: number
}

/** What the tracer needs. */
export interface TracerDeps {
  /** Absent: nothing is exported. */
  readonly settings?: TracingSettings | undefined
  /** Version of the service. */
  readonly version: string
  readonly log: Log
  readonly metrics: Pick<Metrics, 'spans'>
}

/** Traces calls. */
export interface Tracer {
  readonly trace: TraceCall
  /** Sends what waits, for two seconds at most. Never throws. */
  close(): Promise<void>
}
