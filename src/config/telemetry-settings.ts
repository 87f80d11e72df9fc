// The settings of the log and of traces: rows of the table of all settings.
import { LOG_LEVELS } from '../core/log.ts'
import * as kinds from './kinds.ts'

const MIB = 1024 * 1024

/** The rows, by the names of their variables; those of OpenTelemetry are called as everywhere. */
export const telemetrySettings = {
  LOG_LEVEL: {
    group: 'Operation',
    kind: kinds.oneOf(LOG_LEVELS),
    default: 'info',
    about:
      'The least serious lines that are logged; log_level in EXAI_CONFIG, or SIGHUP and .env, change it while running.',
  },
  LOG_SAMPLE_RATIO: {
    group: 'Operation',
    kind: kinds.ratio,
    default: '1',
    about: 'Share of the successful calls that have a line in the log; those that fail have one always.',
  },
  LOG_DIR: {
    group: 'Operation',
    kind: kinds.path,
    about: 'Folder for app.log, access.log, ws.log and error.log, beside standard output; it is made.',
  },
  LOG_FILE_BYTES: {
    group: 'Operation',
    kind: kinds.integer({ min: 4096, max: 1024 * MIB }),
    default: String(10 * MIB),
    unit: 'bytes',
    about: 'Size from which a file in LOG_DIR is put aside and a new one begun.',
  },
  LOG_FILES: {
    group: 'Operation',
    kind: kinds.integer({ min: 1, max: 100 }),
    default: '5',
    about: 'How many files of each kind that were put aside are kept.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    group: 'Operation',
    kind: kinds.baseUrl,
    about: 'Collector that traces are sent to by OTLP over HTTP; without it none are.',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    group: 'Operation',
    kind: kinds.headers,
    secret: true,
    about: 'Header fields for the collector, as name=value with commas between them.',
  },
  OTEL_SERVICE_NAME: {
    group: 'Operation',
    kind: kinds.text,
    default: 'exai',
    about: 'Name of the service in traces.',
  },
  OTEL_TRACES_SAMPLER: {
    group: 'Operation',
    kind: kinds.oneOf([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ]),
    default: 'parentbased_always_on',
    about: 'Which traces are sent; with parentbased the caller decides where it says so.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    group: 'Operation',
    kind: kinds.ratio,
    default: '1',
    about: 'Share of the traces for the samplers by ratio.',
  },
  OTEL_SDK_DISABLED: {
    group: 'Operation',
    kind: kinds.boolean,
    default: '0',
    about: 'Whether no traces are sent although there is a collector.',
  },
} as const
