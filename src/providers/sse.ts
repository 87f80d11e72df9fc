// Parses Server-Sent Events from bytes as they arrive, as the WHATWG HTML standard says (section 9.2.6).

/** One dispatched event. */
export type SseEvent = {
  /** The `event:` field, `message` when there was none. */
  readonly event: string
  /** The `data:` lines, joined by line feeds. */
  readonly data: string
  /** The last `id:` seen on this stream, on this event or an earlier one; absent until there was one. */
  readonly id?: string
}

/** What a parser refuses to hold in memory. */
export type SseLimits = {
  /** Longest line in bytes, without its line end. Default 1 MiB. */
  readonly maxLineBytes?: number
  /** Most bytes of `data:` values in one event. Default 4 MiB. */
  readonly maxEventBytes?: number
}

/** An incremental parser of one stream. */
export type SseParser = {
  /**
   * Takes the next bytes and returns the events that they complete. The chunk is not kept. Throws SseLimitError
   * when a limit is passed: at once, or at the next call when this one still has whole events to hand out.
   */
  push(chunk: Uint8Array): readonly SseEvent[]
  /** Says that the stream is over, returns the event it may have left unfinished, and starts afresh. */
  end(): readonly SseEvent[]
}

/**
 * Thrown when a line or an event is larger than the parser may hold; the parser is of no more use after it. The
 * reader of the stream, who knows the provider, turns it into a GatewayError.
 */
export class SseLimitError extends Error {
  readonly limit: 'line' | 'event'
  readonly maxBytes: number

  constructor(limit: 'line' | 'event', maxBytes: number) {
    super(`the provider sent a stream with a ${limit} of more than ${maxBytes} bytes`)
    this.name = 'SseLimitError'
    this.limit = limit
    this.maxBytes = maxBytes
  }
}

const LF = 10
/** The first byte of a byte order mark. */
const BOM_START = 0xef
const CR = 13
const SPACE = 32
const COLON = 58
/** `data` as four bytes, most significant first. */
const DATA = 0x64617461
const PENDING_BYTES_MIN = 4096
const PENDING_BYTES_KEPT = 64 * 1024
const nothing: readonly SseEvent[] = []

/** Makes a parser for one stream. */
export function createSseParser(limits: SseLimits = {}): SseParser {
  const { maxLineBytes = 1024 * 1024, maxEventBytes = 4 * 1024 * 1024 } = limits
  const lines = createLineBuffer(maxLineBytes)
  const fields = createEventBuffer(maxEventBytes)
  let afterCr = false
  let firstLine = true
  let failure: SseLimitError | undefined

  function takeLine(line: Buffer, start: number, end: number, events: SseEvent[]): void {
    let from = start
    if (firstLine) {
      firstLine = false
      // Lines are decoded one by one, so the decoder's own treatment of the byte order mark is not used.
      if (end - from >= 3 && line[from] === 0xef && line[from + 1] === 0xbb && line[from + 2] === 0xbf)
        from += 3
    }
    if (from < end) {
      fields.field(line, from, end)
      return
    }
    const event = fields.dispatch()
    if (event !== undefined) events.push(event)
  }

  /**
   * Takes the whole events at the beginning of a chunk in one go, as text, where that is sure to be the same as byte by byte:
   * nothing is pending, no limit can be passed, and every line ends in a line feed. Returns how many bytes those are.
   */
  function takeWhole(chunk: Buffer, events: SseEvent[]): number {
    if (afterCr || lines.length() > 0 || !fields.isEmpty()) return 0
    if (chunk.length > maxLineBytes || chunk.length > maxEventBytes) return 0
    if ((firstLine && chunk[0] === BOM_START) || chunk.includes(CR)) return 0
    const end = chunk.lastIndexOf('\n\n') + 2
    if (end < 2) return 0
    firstLine = false
    const text = chunk.toString('utf8', 0, end)
    for (let at = 0; at < text.length; ) {
      const line = text.indexOf('\n', at)
      const isAlone = text.charCodeAt(line + 1) === LF
      if (isAlone && text.startsWith('data: ', at)) {
        events.push(fields.event('message', text.slice(at + 6, line)))
        at = line + 2
      } else if (line === at) at += 1
      else {
        const close = isAlone ? line : text.indexOf('\n\n', line)
        scan(Buffer.from(text.slice(at, close + 2)), events, 0)
        at = close + 2
      }
    }
    return end
  }

  function scan(chunk: Buffer, events: SseEvent[], start: number): void {
    let from = start
    if (afterCr && chunk.length > 0) {
      afterCr = false
      if (chunk[0] === LF) from = 1
    }
    // Most streams have no CR at all: it is looked for once per chunk, and again only after one was met.
    let cr = chunk.indexOf(CR, from)
    let lf = chunk.indexOf(LF, from)
    while (lf !== -1 || cr !== -1) {
      const atCr = cr !== -1 && (lf === -1 || cr < lf)
      const end = atCr ? cr : lf
      if (lines.length() === 0) {
        if (end - from > maxLineBytes) throw new SseLimitError('line', maxLineBytes)
        takeLine(chunk, from, end, events)
      } else {
        lines.append(chunk, from, end)
        takeLine(lines.bytes(), 0, lines.length(), events)
        lines.clear()
      }
      from = end + 1
      if (atCr) {
        // CR ends the line at once: waiting for its LF would hold a finished event back.
        if (from === chunk.length) afterCr = true
        else if (chunk[from] === LF) from += 1
        cr = chunk.indexOf(CR, from)
      }
      if (lf !== -1 && lf < from) lf = chunk.indexOf(LF, from)
    }
    if (from < chunk.length) lines.append(chunk, from, chunk.length)
  }

  function run(events: SseEvent[], work: () => void): readonly SseEvent[] {
    if (failure !== undefined) throw failure
    try {
      work()
    } catch (error) {
      if (!(error instanceof SseLimitError)) throw error
      failure = error
      lines.clear()
      // What was whole before the limit is handed out first, so that the events do not depend on how bytes were cut.
      if (events.length === 0) throw error
    }
    return events.length === 0 ? nothing : events
  }

  return {
    push(chunk) {
      const bytes = Buffer.isBuffer(chunk)
        ? chunk
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      const events: SseEvent[] = []
      return run(events, () => scan(bytes, events, takeWhole(bytes, events)))
    },
    end() {
      const events: SseEvent[] = []
      return run(events, () => {
        if (lines.length() > 0) takeLine(lines.bytes(), 0, lines.length(), events)
        lines.clear()
        // The standard drops an event without its closing blank line. Upstreams do stop after their last data line,
        // and what they said there (a usage count, [DONE], an error) was meant to be heard. A line that was cut
        // short is returned too: its JSON does not parse, which is how the reader learns of the cut.
        const event = fields.dispatch()
        if (event !== undefined) events.push(event)
        fields.reset()
        afterCr = false
        firstLine = true
      })
    },
  }
}

/** Holds the bytes of a line that is not finished: one growing buffer, so that tiny chunks stay cheap. */
function createLineBuffer(maxBytes: number) {
  let buffer = Buffer.alloc(0)
  let length = 0
  return {
    length: () => length,
    bytes: () => buffer,
    append(chunk: Buffer, start: number, end: number): void {
      const needed = length + end - start
      if (needed > maxBytes) throw new SseLimitError('line', maxBytes)
      if (needed > buffer.length) {
        const grown = Buffer.allocUnsafe(
          Math.min(maxBytes, Math.max(needed, buffer.length * 2, PENDING_BYTES_MIN)),
        )
        buffer.copy(grown, 0, 0, length)
        buffer = grown
      }
      chunk.copy(buffer, length, start, end)
      length = needed
    },
    clear(): void {
      length = 0
      if (buffer.length > PENDING_BYTES_KEPT) buffer = Buffer.alloc(0)
    },
  }
}

/** Holds the fields of an event that is not dispatched. */
function createEventBuffer(maxBytes: number) {
  let name = ''
  let id: string | undefined
  let data: string[] = []
  let dataBytes = 0

  function addData(line: Buffer, start: number, end: number): void {
    // One for the line feed, so that empty data lines cannot be gathered without end.
    dataBytes += end - start + 1
    if (dataBytes - 1 > maxBytes) throw new SseLimitError('event', maxBytes)
    // CR and LF are never inside a UTF-8 sequence: a whole line decodes as it would in the whole stream.
    data.push(line.toString('utf8', start, end))
  }

  function made(event: string, text: string): SseEvent {
    return id === undefined ? { event, data: text } : { event, data: text, id }
  }

  return {
    field(line: Buffer, start: number, end: number): void {
      // Nearly every line is `data:`; the colon is looked for only in the others.
      const isData = end - start > 4 && line[start + 4] === COLON && line.readUInt32BE(start) === DATA
      const colon = isData ? 4 : line.subarray(start, end).indexOf(COLON)
      const nameEnd = colon === -1 ? end : start + colon
      let from = Math.min(nameEnd + 1, end)
      if (from < end && line[from] === SPACE) from += 1
      const field = isData ? 'data' : line.toString('latin1', start, nameEnd)
      if (field === 'data') addData(line, from, end)
      else if (field === 'event') name = line.toString('utf8', from, end)
      else if (field === 'id') {
        const value = line.toString('utf8', from, end)
        if (!value.includes('\0')) id = value
      }
      // Anything else is a comment (an empty name), `retry`, which is for clients that reconnect, or unknown.
    },
    /** Returns the event gathered so far and forgets all of it but the id; undefined when it had no data field. */
    dispatch(): SseEvent | undefined {
      const event = name === '' ? 'message' : name
      name = ''
      if (data.length === 0) return undefined
      const [first = ''] = data
      const text = data.length === 1 ? first : data.join('\n')
      data = []
      dataBytes = 0
      return made(event, text)
    },
    /** An event that came whole. */
    event: made,
    isEmpty: () => name === '' && data.length === 0,
    reset(): void {
      id = undefined
    },
  }
}
