// Standard output of the log: lines that come close together are written together, since a write costs more than a line.

/** Where text goes, at once. */
export interface TextSink {
  write(text: string): void
}

/** The output. */
export interface LogOutput {
  /** Takes a line with its newline; an urgent one is written before this returns, with all that wait. */
  write(line: string, isUrgent: boolean): void
  /** Writes what waits. */
  flush(): void
}

/** How long a line may wait for others, in milliseconds. */
const TOGETHER_MS = 20
/** Of this size a write into a pipe is never mixed with another process's (PIPE_BUF of Linux). */
const TOGETHER_BYTES_MAX = 4_096

/** Makes it. The end of the process must flush it. */
export function createLogOutput(sink: TextSink): LogOutput {
  let waiting = ''
  let isPlanned = false

  function flush(): void {
    if (waiting === '') return
    const text = waiting
    waiting = ''
    sink.write(text)
  }

  function late(): void {
    isPlanned = false
    flush()
  }

  return {
    write(line, isUrgent) {
      // Lines are nearly always ASCII; one that is not may make it a little more than is said above.
      if (waiting !== '' && waiting.length + line.length > TOGETHER_BYTES_MAX) flush()
      waiting += line
      if (isUrgent) flush()
      else if (!isPlanned) {
        isPlanned = true
        setTimeout(late, TOGETHER_MS).unref()
      }
    },
    flush,
  }
}
