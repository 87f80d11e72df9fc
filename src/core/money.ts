// Money is whole nano-dollars in a bigint: 1 USD is 1_000_000_000, and no price or sum ever passes through a float.

/**
 * The most that anything may cost per million tokens, in US dollars. Nothing real comes near it; below it the cost of the most
 * tokens that our wire can count still fits the int64 in which it is sent.
 */
export const usdMax = 1_000_000

const fractionDigits = 9
const decimal = /^(\d{1,7})(?:\.(\d{1,30}))?(?:e(-\d{1,3}))?$/

/**
 * Reads a decimal amount of US dollars as nano-USD, by its digits and not by float arithmetic.
 * Digits past the ninth are rounded half up. Undefined for what is no amount: negative, not finite, or above `usdMax`.
 */
export function nanoUsdFromUsd(usd: number): bigint | undefined {
  const match = decimal.exec(String(usd))
  if (match === null || usd > usdMax) return undefined
  const [, whole = '', fraction = '', exponent = '0'] = match
  const digits = BigInt(whole + fraction)
  const shift = fractionDigits - fraction.length + Number(exponent)
  if (shift >= 0) return digits * 10n ** BigInt(shift)
  const divisor = 10n ** BigInt(-shift)
  return (digits + divisor / 2n) / divisor
}
