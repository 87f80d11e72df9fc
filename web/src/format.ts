// Numbers, times and money as people read them; every function is pure.

/** A protobuf duration, or what looks like one. */
export interface DurationLike {
  readonly seconds: bigint
  readonly nanos: number
}

/** Milliseconds of a protobuf duration or timestamp. */
export function milliseconds({ seconds, nanos }: DurationLike): number {
  return Number(seconds) * 1000 + nanos / 1_000_000
}

/** The protobuf timestamp of an instant in milliseconds. */
export function timestamp(ms: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(ms / 1000)
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1_000_000) }
}

/** A span of time: `850 ms`, `2.4 s`, `3 min 10 s`. */
export function span(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 1) return '< 1 ms'
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}

/** How long ago: `just now`, `12 s ago`. */
export function ago(ms: number): string {
  if (ms < 2_000) return 'just now'
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h ago`
  return `${Math.floor(ms / 86_400_000)} days ago`
}

/** A whole number with thin groups: `12,345`. */
export function count(value: number | bigint): string {
  return value.toLocaleString('en-US')
}

/** A number in at most four characters and a letter: `987`, `12.3k`, `4.56M`. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e9) return `${digits(value / 1e9)}B`
  if (size >= 1e6) return `${digits(value / 1e6)}M`
  if (size >= 10_000) return `${digits(value / 1e3)}k`
  return size === 0 || size >= 100 || Number.isInteger(value) ? String(Math.round(value)) : digits(value)
}

function digits(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  return size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A rate a second: `0`, `0.03`, `12.5`. */
export function rate(value: number): string {
  if (value === 0) return '0'
  return value < 0.01 ? '< 0.01' : short(value)
}

/** A share of 1 as per cent: `0 %`, `0.4 %`, `12 %`. */
export function percent(share: number): string {
  if (share === 0) return '0 %'
  const value = share * 100
  return value < 0.1 ? '< 0.1 %' : `${value < 10 && value % 1 !== 0 ? value.toFixed(1) : value.toFixed(0)} %`
}

/** Money given in nano US dollars: `$0`, `$0.000012`, `$1.25`, `$1,204`. */
export function money(nanoUsd: number | bigint): string {
  const dollars = Number(nanoUsd) / 1e9
  const size = Math.abs(dollars)
  if (size === 0) return '$0'
  if (size >= 1000) return `$${Math.round(dollars).toLocaleString('en-US')}`
  if (size >= 0.1) return `$${dollars.toFixed(2)}`
  if (size < 1e-7) return '< $0.0000001'
  // Two digits that say something, whatever stands before them.
  return `$${dollars.toFixed(Math.min(8, 1 - Math.floor(Math.log10(size))))}`
}

/** A size: `512 B`, `1.2 MB`. */
export function bytes(size: number | bigint): string {
  const value = Number(size)
  if (value < 1000) return `${value} B`
  if (value < 1e6) return `${digits(value / 1e3)} kB`
  return value < 1e9 ? `${digits(value / 1e6)} MB` : `${digits(value / 1e9)} GB`
}

/** The time of day: `14:05:09`. */
export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB')
}

/** Day and time: `2026-11-22 14:05:09.123`. */
export function instant(ms: number): string {
  const date = new Date(ms)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${clock(ms)}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** `1 call`, `2 calls`. */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`
}
