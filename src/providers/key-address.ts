// Where keys are sent: whether the provider fails there now, which makes keys of other addresses the better choice.

/** What is remembered of one base URL of a provider; its keys share it. */
export interface KeyAddress {
  /** On the monotonic clock, in milliseconds. */
  failingUntilMs: number
  /** When the provider failed there last, on the same clock. */
  failedAtMs: number
}

/** How long an address is avoided after a failure, in milliseconds: then one call finds out whether it is well again. */
const FAILING_MS = 30_000

/** Makes one that is well. */
export function createKeyAddress(): KeyAddress {
  return { failingUntilMs: Number.NEGATIVE_INFINITY, failedAtMs: Number.NEGATIVE_INFINITY }
}

/** The provider failed there. */
export function markFailing(address: KeyAddress, nowMs: number): void {
  address.failingUntilMs = nowMs + FAILING_MS
  address.failedAtMs = nowMs
}

/** A call is sent there: if that is to find out whether it is well again, the others go on to avoid it meanwhile. */
export function markAsked(address: KeyAddress, nowMs: number): void {
  if (address.failingUntilMs > Number.NEGATIVE_INFINITY && !isFailing(address, nowMs))
    address.failingUntilMs = nowMs + FAILING_MS
}

/** The provider answered from there a call that was sent at this time. One sent before the last failure shows nothing. */
export function markWell(address: KeyAddress, sentAtMs: number): void {
  if (sentAtMs >= address.failedAtMs) address.failingUntilMs = Number.NEGATIVE_INFINITY
}

/** Whether the provider failed there lately. */
export function isFailing(address: KeyAddress, nowMs: number): boolean {
  return address.failingUntilMs > nowMs
}
