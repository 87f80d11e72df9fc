// Between milliseconds, in which this service counts, and the well-known time types of the contract.

/** A google.protobuf.Duration of so many milliseconds; fractions down to a nanosecond are kept. */
export function durationOf(ms: number): { seconds: bigint; nanos: number } {
  return parts(ms, Math.trunc(ms / 1000))
}

/** The milliseconds of a google.protobuf.Duration. */
export function millisecondsOf(duration: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6
}

/** A google.protobuf.Timestamp of milliseconds since the Unix epoch. */
export function timestampOf(ms: number): { seconds: bigint; nanos: number } {
  return parts(ms, Math.floor(ms / 1000))
}

function parts(ms: number, seconds: number): { seconds: bigint; nanos: number } {
  const nanos = Math.round((ms - seconds * 1000) * 1e6)
  // Rounding can fill the second up, and nanos of 1e9 are no valid time.
  const carry = Math.trunc(nanos / 1e9)
  return { seconds: BigInt(seconds + carry), nanos: nanos - carry * 1e9 }
}
