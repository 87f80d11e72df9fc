// Times as people write them on a command line.
import { GatewayError } from '../core/errors.ts'

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Ten years, in milliseconds. */
const SPAN_MAX_MS = 3_650 * UNITS_MS.d

/** The milliseconds of a text such as `90s`, `15m`, `12h` or `30d`. INVALID_REQUEST for another. */
export function spanOf(option: string, text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const unitMs = unit === 's' || unit === 'm' || unit === 'h' || unit === 'd' ? UNITS_MS[unit] : 0
  const ms = Number(amount) * unitMs
  if (ms > 0 && ms <= SPAN_MAX_MS) return ms
  throw new GatewayError(
    'INVALID_REQUEST',
    `${option} must be a time such as 90s, 15m, 12h or 30d, at most 3650d`,
  )
}
