// Checks the Server-Sent Events parser against the WHATWG examples, every way of cutting bytes, and its limits.
import { describe, expect, it } from 'vitest'
import { createSseParser, type SseEvent, SseLimitError } from '../../../src/providers/sse.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')

function parse(chunks: Iterable<Uint8Array>): readonly SseEvent[] {
  const parser = createSseParser()
  const events: SseEvent[] = []
  for (const chunk of chunks) events.push(...parser.push(chunk))
  events.push(...parser.end())
  return events
}

function* pieces(all: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size)
}

const message = (data: string): SseEvent => ({ event: 'message', data })

type Fixture = {
  readonly name: string
  readonly stream: string | Buffer
  readonly events: readonly SseEvent[]
}
const fixtures: readonly Fixture[] = [
  {
    name: 'several data lines are one event',
    stream: 'data: YHOO\ndata: +2\ndata: 10\n\n',
    events: [message('YHOO\n+2\n10')],
  },
  {
    name: 'the WHATWG stream of four blocks (comment, id, id reset, leading space kept)',
    stream: ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event',
    events: [
      { event: 'message', data: 'first event', id: '1' },
      { event: 'message', data: 'second event', id: '' },
      { event: 'message', data: ' third event', id: '' },
    ],
  },
  {
    name: 'a data field without a value is an empty line (the last one unfinished)',
    stream: 'data\n\ndata\ndata\n\ndata:',
    events: [message(''), message('\n'), message('')],
  },
  {
    name: 'one space after the colon is dropped and no more',
    stream: 'data:test\n\ndata: test\n\ndata:  test\n\n',
    events: [message('test'), message('test'), message(' test')],
  },
  {
    name: 'a name is for one event, and an event without data is none',
    stream: 'event: add\ndata: 73\n\nevent: remove\n\nevent:update\ndata: 1\n\ndata: 2\n\n',
    events: [{ event: 'add', data: '73' }, { event: 'update', data: '1' }, message('2')],
  },
  {
    name: 'unknown fields, retry, and names that only resemble one are ignored',
    stream: 'retry: 10\nfoo: bar\ndatum: x\nDATA: y\n data: z\nfoo\ndata x: w\ndata: ok\n\n',
    events: [message('ok')],
  },
  {
    name: 'an id lasts until the next one, and one with a NUL does not count',
    stream: 'id: a\ndata: 1\n\ndata: 2\n\nid: b\0c\ndata: 3\n\n',
    events: ['1', '2', '3'].map(data => ({ event: 'message', data, id: 'a' })),
  },
  {
    name: 'CR ends lines',
    stream: 'data: a\rdata: b\r\rdata: c\r\r',
    events: [message('a\nb'), message('c')],
  },
  {
    name: 'CRLF ends lines',
    stream: 'data: a\r\ndata: b\r\n\r\n: note\r\n\r\ndata: c\r\n\r\n',
    events: [message('a\nb'), message('c')],
  },
  {
    name: 'line ends may be mixed, and LF CR is two of them',
    stream: 'data: a\ndata: b\r\ndata: c\rdata: d\n\rdata: e\r\n\ndata: f\r\r\ndata: g\n\r\n',
    events: [message('a\nb\nc\nd'), message('e'), message('f'), message('g')],
  },
  {
    name: 'one byte order mark at the start is dropped, later ones are text',
    stream: '\uFEFFdata: a\n\n\uFEFFdata: b\n\ndata: \uFEFFc\n\n',
    events: [message('a'), message('\uFEFFc')],
  },
  {
    name: 'emoji, CJK and combining characters survive',
    stream: 'data: 👩‍👩‍👧 你好，世界 é\nevent: 名\n\ndata: 🂡\r\n\r\n',
    events: [{ event: '名', data: '👩‍👩‍👧 你好，世界 é' }, message('🂡')],
  },
  {
    name: 'invalid UTF-8 becomes U+FFFD and harms nothing behind it',
    stream: Buffer.concat([bytes('data: a'), Buffer.from([0xff, 0xe4, 0xbd]), bytes('\ndata: b\n\n')]),
    events: [message('a\uFFFD\uFFFD\nb')],
  },
  {
    name: 'comments and blank lines between chat chunks are silent',
    stream: '\n\n: OPENROUTER PROCESSING\n\n:\n\ndata: {"choices":[]}\n\n: keep-alive\ndata:[DONE]\n:x\n\n\n',
    events: [message('{"choices":[]}'), message('[DONE]')],
  },
  {
    name: 'a stream that ends after a whole line gives its last event',
    stream: 'data: x\n',
    events: [message('x')],
  },
  {
    name: 'a stream that ends within a line gives what was there',
    stream: 'data: {"a',
    events: [message('{"a')],
  },
  { name: 'a stream of nothing has no events', stream: '', events: [] },
]

describe('the events of a stream', () => {
  it.each(fixtures)('$name', ({ stream, events }) => {
    expect(parse([Buffer.from(stream)])).toEqual(events)
  })

  it.each(fixtures)('are the same wherever the bytes are cut: $name', ({ stream, events }) => {
    const all = Buffer.from(stream)
    for (let at = 0; at <= all.length; at += 1) {
      expect(parse([all.subarray(0, at), all.subarray(at)]), `cut at ${at}`).toEqual(events)
    }
    for (const size of [1, 2, 3, 7]) expect(parse(pieces(all, size)), `cut by ${size}`).toEqual(events)
  })

  it('are handed out as soon as their blank line ends, even by a CR', () => {
    const parser = createSseParser()
    expect(parser.push(bytes('data: a\r\n\r'))).toEqual([message('a')])
    expect(parser.push(bytes('\ndata: b\n'))).toEqual([])
    expect(parser.push(bytes('\n'))).toEqual([message('b')])
    expect(parser.end()).toEqual([])
  })

  it('do not change when the caller uses its buffer again', () => {
    const parser = createSseParser()
    const buffer = bytes('data: kept')
    parser.push(buffer)
    buffer.fill(0x78)
    expect(parser.push(bytes('\n\n'))).toEqual([message('kept')])
  })

  it('come from plain byte arrays with an offset as well', () => {
    const padded = new Uint8Array(bytes('??data: a\n\n??'))
    expect(parse([padded.subarray(2, 11)])).toEqual([message('a')])
  })

  it('start afresh after the end', () => {
    const parser = createSseParser()
    parser.push(bytes('id: 1\nevent: x\ndata: a\r'))
    expect(parser.end()).toEqual([{ event: 'x', data: 'a', id: '1' }])
    expect(parser.push(bytes('\n\uFEFF\n'))).toEqual([])
    expect(parser.end()).toEqual([])
    expect(parser.push(bytes('\uFEFFdata: b\n\n'))).toEqual([message('b')])
  })
})

describe('the limits', () => {
  it('refuse one endless line long before it is held in memory', () => {
    const parser = createSseParser()
    const chunk = Buffer.alloc(64 * 1024, 0x61)
    const before = process.memoryUsage().arrayBuffers
    let fed = 0
    const feed = () => {
      for (fed = 0; fed < 1600; fed += 1) parser.push(chunk)
    }
    expect(feed).toThrow(SseLimitError)
    expect(fed).toBe(16)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    expect(() => parser.push(bytes('data: a\n\n'))).toThrow(SseLimitError)
    expect(() => parser.end()).toThrow(SseLimitError)
  })

  it('allow a line of just the limit and refuse one byte more, however it is cut', () => {
    const fits = `data: ${'a'.repeat(94)}\n\n`
    const tooLong = `data: ${'a'.repeat(95)}\n\n`
    for (const size of [1, 50, 1000]) {
      const parser = createSseParser({ maxLineBytes: 100 })
      const events = [...pieces(bytes(fits), size)].flatMap(piece => [...parser.push(piece)])
      expect(events).toEqual([message('a'.repeat(94))])
      expect(() => [...pieces(bytes(tooLong), size)].map(piece => parser.push(piece))).toThrow(
        expect.objectContaining({ name: 'SseLimitError', limit: 'line', maxBytes: 100 }),
      )
    }
  })

  it('count the data of one event over all its lines, empty ones too', () => {
    const parser = createSseParser({ maxEventBytes: 10 })
    expect(parser.push(bytes('data: 12345\ndata: 6789\n\n'))).toEqual([message('12345\n6789')])
    expect(parser.push(bytes('data:\n'.repeat(11)))).toEqual([])
    expect(() => parser.push(bytes('data:\n'))).toThrow(
      expect.objectContaining({ limit: 'event', maxBytes: 10 }),
    )
  })

  it('let the whole events before the breach through first', () => {
    const parser = createSseParser({ maxLineBytes: 10 })
    expect(parser.push(bytes('data: a\n\ndata: 0123456789\n\n'))).toEqual([message('a')])
    expect(() => parser.end()).toThrow(SseLimitError)
  })
})

describe('the cost', () => {
  /** Time for a stream of this many lines, in milliseconds. */
  function cost(line: string, count: number, size: number): number {
    const all = bytes(`${line.repeat(count)}\n`)
    const start = performance.now()
    parse(pieces(all, size))
    return performance.now() - start
  }

  it.each([
    ['one long line in tiny chunks', 'x', 800_000, 1],
    ['lines without a colon in one chunk', 'x\n', 1_200_000, 1 << 30],
    ['empty lines ended by CR with one LF at the very end', '\r', 2_500_000, 1 << 30],
  ])('grows with the input and not with its square: %s', (_name, line, count, size) => {
    cost(line, 20_000, size)
    // A quadratic parser needs minutes for this many; a linear one needs well under a second.
    expect(cost(line, count, size)).toBeLessThan(5_000)
  })
})
