// How much is recorded, and for how long it is kept.

/** How much is recorded and for how long. Bytes, counts and milliseconds. */
export interface RecordingLimits {
  /** What one recording takes; beyond it the events from its start are forgotten. 48 MiB are some 200,000 events. */
  readonly bytesMax: number
  /** What all ended recordings of this process take; beyond it the oldest of the tenant that keeps most are removed. */
  readonly keptBytesMax: number
  /** Idempotency keys of this process that are remembered. */
  readonly keysMax: number
  /** Calls that are recorded at once in this process. */
  readonly runsMax: number
  /** How many of them one tenant may have. */
  readonly tenantRunsMax: number
  /** How long an idempotency key stands for its request. */
  readonly keyMs: number
  /** How long what has ended is kept at least, for those who are still reading it. */
  readonly readersMs: number
  /** After what time without a sign of life a process is taken for dead. */
  readonly aliveMs: number
}

/** The limits of a service. */
export const RECORDING_LIMITS: RecordingLimits = {
  bytesMax: 48 * 1024 * 1024,
  keptBytesMax: 128 * 1024 * 1024,
  keysMax: 50_000,
  runsMax: 2_000,
  tenantRunsMax: 1_000,
  keyMs: 24 * 60 * 60 * 1000,
  readersMs: 60_000,
  aliveMs: 15_000,
}
