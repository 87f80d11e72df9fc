// Money as people read it.

/** Nano-USD in dollars, exactly, with two decimals at least. */
export function dollars(nanoUsd: bigint): string {
  const digits = nanoUsd.toString().padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0{1,7}$/, '')
  return `${digits.slice(0, -9)}.${fraction}`
}
