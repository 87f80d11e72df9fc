// Answers of HTTP/1.1 as they came over a raw socket: one after the other, and what stands behind them.

/** An answer, whatever the protocol. */
export interface Answer {
  /** 0: there was none. */
  readonly status: number
  /** By lower-case name; of several the last. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** No answer at all: the connection ended, or nothing came in time. */
export const NO_ANSWER: Answer = { status: 0, headers: {}, body: '' }

/** Every answer in a run of received bytes, one character a byte; one that was cut off ends with what is there. */
export function answersIn(received: string): readonly Answer[] {
  const answers: Answer[] = []
  let rest = received
  while (rest.startsWith('HTTP/')) {
    const end = rest.indexOf('\r\n\r\n')
    const [statusLine = '', ...lines] = rest.slice(0, end < 0 ? undefined : end).split('\r\n')
    const status = Number(statusLine.split(' ')[1])
    const headers = Object.fromEntries(
      lines.map(line => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const [body, after] = end < 0 ? ['', ''] : bodyOf(headers, rest.slice(end + 4))
    answers.push({ status, headers, body: Buffer.from(body, 'latin1').toString() })
    rest = after
  }
  return answers
}

function bodyOf(headers: Readonly<Record<string, string>>, rest: string): readonly [string, string] {
  const length = headers['content-length']
  if (length !== undefined) return [rest.slice(0, Number(length)), rest.slice(Number(length))]
  if (headers['transfer-encoding'] !== 'chunked') return [rest, '']
  let body = ''
  let left = rest
  for (;;) {
    const line = left.indexOf('\r\n')
    const size = Number.parseInt(left.slice(0, line), 16)
    if (line < 0 || Number.isNaN(size)) return [body, left]
    if (size === 0) return [body, left.slice(line + 4)]
    body += left.slice(line + 2, line + 2 + size)
    left = left.slice(line + 2 + size + 2)
  }
}
