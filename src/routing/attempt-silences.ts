// How long an attempt bears it that nothing comes.

/** Longest silences that an attempt bears, in milliseconds. */
export interface AttemptLimits {
  /** From sending the request to its first output; what comes before is limited by the call's deadline alone. */
  readonly firstTokenMs: number
  /** Between two pieces of the answer. */
  readonly idleMs: number
}
