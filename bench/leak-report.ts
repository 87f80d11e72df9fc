// What `npm run leak` found, what of that is a fault, and its table.
import { alignedTable } from './report.ts'

/** What a leak run found, as `--json FILE` writes it. */
export type LeakFindings = {
  readonly streams: number
  /** Streams of whose answer something had come when they were left. */
  readonly begun: number
  /** Streams that ended before they were left; they show nothing. */
  readonly endedBefore: number
  /** Streams that the provider had been asked for. */
  readonly reachedUpstream: number
  /** Streams that the provider was answering when they were left. */
  readonly runningUpstream: number
  /** Sockets at the provider that were still open five seconds after the last call of their round was left. */
  readonly upstreamSocketsLeft: number
  /** Connections of clients that the gateway still holds. */
  readonly clientSocketsLeft: number
  /** Timers beyond those before the first round, and where those of that look and of the last one were made. */
  readonly timersLeft: number
  readonly timerPlacesBefore: Readonly<Record<string, number>>
  readonly timerPlaces: Readonly<Record<string, number>>
  /**
   * From leaving to the closed socket at the provider, in milliseconds, of those that it was answering: the others had not
   * been read by the gateway yet, and a busy machine takes its time for that.
   */
  readonly closeMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** After each round. */
  readonly heapBytes: readonly number[]
  /** Slope of the regression line through those. */
  readonly heapBytesPerStream: number
  /** How the gateway's process ended when asked to. */
  readonly exitCode: number | null
}

const CLOSE_MS_MAX = 100
const HEAP_GROWTH_MAX = 2 * 2 ** 20

/** What of these is not as it should be, in words; nothing when all is. */
export function faultsOf(found: LeakFindings): readonly string[] {
  const [first = 0] = found.heapBytes
  const grown = (found.heapBytes.at(-1) ?? 0) - first
  const checks: readonly (readonly [boolean, string])[] = [
    [
      found.runningUpstream < found.streams / 4,
      `only ${found.runningUpstream} streams were running when they were left`,
    ],
    [found.endedBefore > 0, `${found.endedBefore} streams ended before they were left`],
    [found.upstreamSocketsLeft > 0, `${found.upstreamSocketsLeft} sockets at the provider`],
    [found.clientSocketsLeft > 0, `${found.clientSocketsLeft} sockets of clients`],
    [found.timersLeft > 0, `${found.timersLeft} timers (${JSON.stringify(found.timerPlaces)})`],
    [found.closeMs.p99 > CLOSE_MS_MAX, `one socket in a hundred closed later than ${CLOSE_MS_MAX} ms`],
    [grown > HEAP_GROWTH_MAX && found.heapBytesPerStream > 0, `${(grown / 2 ** 20).toFixed(1)} MiB of heap`],
    [found.exitCode !== 0, `the process ended with ${found.exitCode}`],
  ]
  return checks.flatMap(([isFault, text]) => (isFault ? [text] : []))
}

/** The table of docs/benchmarks.md. */
export function describeLeaks(found: LeakFindings): string {
  const mib = (bytes = 0): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`
  const { p50, p99, max } = found.closeMs
  return alignedTable([
    ['figure', 'value'],
    [
      'streams left, running at the provider / begun at the client',
      `${found.streams}, ${found.runningUpstream} / ${found.begun}`,
    ],
    [
      'sockets left at the provider / of clients',
      `${found.upstreamSocketsLeft} / ${found.clientSocketsLeft}`,
    ],
    ['timers left', String(found.timersLeft)],
    [
      'from leaving to the closed socket: p50 / p99 / max ms',
      [p50, p99, max].map(ms => ms.toFixed(1)).join(' / '),
    ],
    ['heap after the first / last round', `${mib(found.heapBytes[0])} / ${mib(found.heapBytes.at(-1))}`],
    ['slope of the heap, bytes a stream', found.heapBytesPerStream.toFixed(0)],
  ])
}
