// Reads from a provider's words when a limit ends, where no header and no field says so.

/** The longest wait that is believed, in milliseconds: monthly windows are the longest there are. */
const WAIT_MS_MAX = 31 * 86_400_000

// GLM: `will reset at 2026-11-22 18:00:00`; MiniMax: `resets at …`.
const resetAt =
  /\bresets? (?:at|on)\s+(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?/i
// Kimi: `try again after 7 seconds`; MiniMax: `resets in 2 hours 30 minutes`.
const after =
  /\b(?:(?:try|retry) again (?:after|in)|retry after|resets? in)\s+((?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*(?:and\s+)?){1,4})/i
const amount = /(\d+(?:\.\d+)?)\s*([a-z]+)/gi

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/**
 * How long to wait by the words of a message, 0 to 31 days in milliseconds. A time of day without a zone is of `zone`,
 * such as `+08:00`. Undefined when the words name no time, or one that is over.
 */
export function resetDelayMs(message: string, nowMs: number, zone: string): number | undefined {
  const waits = untilDate(message, zone, nowMs) ?? duration(message)
  if (waits === undefined || !(waits >= 0)) return undefined
  return Math.min(Math.round(waits), WAIT_MS_MAX)
}

function untilDate(message: string, zone: string, nowMs: number): number | undefined {
  const [, day, time, given] = resetAt.exec(message) ?? []
  if (day === undefined || time === undefined) return undefined
  const offset = given === undefined ? zone : /^(?:Z|UTC)$/i.test(given) ? 'Z' : given
  return Date.parse(`${day}T${time}${offset}`) - nowMs
}

function duration(message: string): number | undefined {
  const words = after.exec(message)?.[1]
  if (words === undefined) return undefined
  const parts = [...words.matchAll(amount)].map(([, count, unit = '']) => {
    const word = unit.toLowerCase()
    // No month: its length is not said.
    const ms = /^mo/.test(word) ? 0 : unitMs[/^(?:ms|milli)/.test(word) ? 'ms' : word.slice(0, 1)]
    return Number(count) * (ms ?? 0)
  })
  return parts.some(ms => ms > 0) ? parts.reduce((sum, ms) => sum + ms, 0) : undefined
}
