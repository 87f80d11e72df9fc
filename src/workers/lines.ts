// Writes the log of one of several processes that share an output: whole lines, in pieces that the system does not mix with others.
import { writeSync } from 'node:fs'
import type { LogDestination } from '../telemetry/logger.ts'

/** What a pipe takes in one piece, in bytes: PIPE_BUF of POSIX is 512 at least, and 4096 on Linux. */
const PIECE_BYTES = 4_096
/** How long a full pipe is given, in milliseconds, before it is tried again. */
const FULL_MS = 1

/** Where lines go. */
export interface SharedOutput extends LogDestination {
  /** Writes what waits. */
  flush(): void
}

/** Makes one on a file descriptor. */
export function createSharedOutput(fd: number): SharedOutput {
  let waiting = ''
  let bytes = 0
  let timer: NodeJS.Immediate | undefined

  function flush(): void {
    if (timer !== undefined) clearImmediate(timer)
    timer = undefined
    const text = Buffer.from(waiting)
    waiting = ''
    bytes = 0
    for (let at = 0; at < text.byteLength; ) at += written(fd, text.subarray(at))
  }

  return {
    flush,
    write(line, isUrgent) {
      const size = Buffer.byteLength(line)
      if (bytes + size > PIECE_BYTES) flush()
      waiting += line
      bytes += size
      if (isUrgent) flush()
      else timer ??= setImmediate(flush)
    },
  }
}

/** How many bytes were taken; all that are left when nobody reads any more. */
function written(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return bytes.byteLength
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_MS)
    return 0
  }
}
