// What of the settings is about the log and traces.
import { resolve } from 'node:path'
import type { LogLevel } from '../core/log.ts'
import type { SettingValues } from './settings.ts'

/** What is logged, and where. */
export interface LogConfig {
  readonly level: LogLevel
  /** Share of the successful calls that have a line, from 0 to 1. */
  readonly sampleRatio: number
  /** Absent: standard output alone. */
  readonly files?:
    | {
        /** Absolute. */
        readonly folder: string
        /** Size from which a file is put aside. */
        readonly bytesMax: number
        /** How many of each kind that were put aside are kept. */
        readonly keptMax: number
      }
    | undefined
}

/** Where spans go, and which. */
export interface TracingConfig {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  readonly sampler: SettingValues['OTEL_TRACES_SAMPLER']
  readonly ratio: number
}

/** What is logged, and where. */
export function loggingOf(values: SettingValues, cwd: string): LogConfig {
  const { LOG_DIR: folder } = values
  return {
    level: values.LOG_LEVEL,
    sampleRatio: values.LOG_SAMPLE_RATIO,
    files:
      folder === undefined
        ? undefined
        : { folder: resolve(cwd, folder), bytesMax: values.LOG_FILE_BYTES, keptMax: values.LOG_FILES },
  }
}

/** Where spans go; undefined when they go nowhere. */
export function tracingOf(values: SettingValues): TracingConfig | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = values
  if (endpoint === undefined || values.OTEL_SDK_DISABLED) return undefined
  return {
    // OpenTelemetry's exporter specification appends this path to the common endpoint.
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    serviceName: values.OTEL_SERVICE_NAME,
    sampler: values.OTEL_TRACES_SAMPLER,
    ratio: values.OTEL_TRACES_SAMPLER_ARG,
  }
}

/** What of them must never be shown. */
export function tracingSecretsOf(tracing: TracingConfig | undefined): readonly string[] {
  return Object.values(tracing?.headers ?? {}).flatMap(value => [value, ...value.split(' ')])
}
