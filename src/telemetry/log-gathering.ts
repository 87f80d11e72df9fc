// Gathers lines that come close together, since a write costs more than a line.

/** Takes lines. */
export interface Gathering {
  /** Takes a line with its newline; an urgent one is written before this returns, with all that wait. The bytes are copied. */
  add(line: Uint8Array, isUrgent: boolean): void
  /** Writes what waits. */
  flush(): void
}

/** What lines are gathered for. */
export interface GatheringDeps {
  /** Takes what was gathered; the bytes are valid until it returns. */
  readonly write: (bytes: Buffer) => void
  /** What is written without waiting for more, in bytes. */
  readonly bytesMax: number
  /** How long a line may wait for others, in milliseconds. */
  readonly waitMs: number
}

/** Makes it. The end of the process must flush it. */
export function createGathering({ write, bytesMax, waitMs }: GatheringDeps): Gathering {
  const buffer = Buffer.allocUnsafeSlow(bytesMax)
  let at = 0
  let isPlanned = false

  function flush(): void {
    if (at === 0) return
    const bytes = buffer.subarray(0, at)
    at = 0
    write(bytes)
  }

  function late(): void {
    isPlanned = false
    flush()
  }

  return {
    add(line, isUrgent) {
      if (at + line.length > bytesMax) flush()
      if (line.length > bytesMax) return write(Buffer.from(line))
      buffer.set(line, at)
      at += line.length
      if (isUrgent) flush()
      else if (!isPlanned) {
        isPlanned = true
        setTimeout(late, waitMs).unref()
      }
    },
    flush,
  }
}
