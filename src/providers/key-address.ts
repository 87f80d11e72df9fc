// Where keys are sent: whether the provider fails there now, which makes keys of other addresses the better choice.

/** What is remembered of one base URL of a provider; its keys share it. */
export interface KeyAddress {
  /** On the monotonic clock, in milliseconds. */
  failingUntilMs: number
}

/** How long an address is avoided after a failure, in milliseconds: then one call finds out whether it is well again. */
const FAILING_MS = 30_000

/** Makes one that is well. */
export function createKeyAddress(): KeyAddress {
  return { failingUntilMs: Number.NEGATIVE_INFINITY }
}

/** The provider failed there. */
export function markFailing(address: KeyAddress, nowMs: number): void {
  address.failingUntilMs = nowMs + FAILING_MS
}

/** The provider answered from there. */
export function markWell(address: KeyAddress): void {
  address.failingUntilMs = Number.NEGATIVE_INFINITY
}

/** Whether the provider failed there lately. */
export function isFailing(address: KeyAddress, nowMs: number): boolean {
  return address.failingUntilMs > nowMs
}
