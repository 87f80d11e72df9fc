// An open-loop load: requests go out when they are due, whatever became of those before, as from many clients that know nothing of each other.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What is sent, and how often. */
export interface OpenLoop {
  readonly port: number
  /** A whole HTTP/1.1 request whose answer has a content-length. */
  readonly request: Buffer
  readonly ratePerSecond: number
  readonly seconds: number
  /** Connections, all open before it begins; what is due while all are busy waits, and its time counts from when it was due. */
  readonly connections?: number
}

/** What became of one request. */
export interface OpenLoopCall {
  /** When it was due, in milliseconds from the beginning. */
  readonly atMs: number
  /** From when it was due to the end of its answer, in milliseconds. */
  readonly latencyMs: number
  /** 0: its connection broke. */
  readonly status: number
  readonly body: string
}

interface Line {
  readonly socket: Socket
  /** What is under way on it. Absent: nothing. */
  dueMs?: number | undefined
  parts: Buffer[]
}

const CONNECTIONS = 2_000
/** Connections that are made at once: what a queue of the kernel holds. */
const OPENING = 100
const END_OF_HEAD = '\r\n\r\n'
const LAST_ANSWERS_MS = 30_000

/** Sends all of it, and resolves when every answer has come. Rejects when one takes longer than 30 s after the last was sent. */
export async function runOpenLoop(options: OpenLoop): Promise<readonly OpenLoopCall[]> {
  const { port, request, ratePerSecond, seconds, connections = CONNECTIONS } = options
  const calls: OpenLoopCall[] = []
  const idle: Line[] = []
  const lines = new Set<Line>()
  const due: number[] = []
  let startMs = 0

  function ended(line: Line, status: number, body: string): void {
    const { dueMs } = line
    line.dueMs = undefined
    line.parts = []
    if (dueMs !== undefined)
      calls.push({ atMs: dueMs - startMs, latencyMs: performance.now() - dueMs, status, body })
  }

  function read(line: Line, bytes: Buffer): void {
    line.parts.push(bytes)
    const answer = answerIn(line.parts.length === 1 ? bytes : Buffer.concat(line.parts))
    if (answer === undefined) return
    ended(line, answer.status, answer.body)
    // Its place is taken by none: whoever refuses so has fewer connections from then on.
    if (answer.isLast) return void line.socket.end()
    const next = due.shift()
    if (next === undefined) idle.push(line)
    else send(line, next)
  }

  async function open(): Promise<void> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const line: Line = { socket, parts: [] }
    lines.add(line)
    idle.push(line)
    socket.on('data', (bytes: Buffer) => read(line, bytes))
    // 'close' follows, and tells.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      lines.delete(line)
      const at = idle.indexOf(line)
      if (at >= 0) idle.splice(at, 1)
      ended(line, 0, '')
    })
  }

  function send(line: Line, dueMs: number): void {
    line.dueMs = dueMs
    line.socket.write(request)
  }

  while (lines.size < connections)
    await Promise.all(Array.from({ length: Math.min(OPENING, connections - lines.size) }, open))
  startMs = performance.now()
  let sent = 0
  // Exponential gaps: calls come as they like.
  for (let atMs = 0; atMs < seconds * 1_000; atMs += (-Math.log(1 - Math.random()) * 1_000) / ratePerSecond) {
    const waitMs = startMs + atMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    const line = idle.pop()
    sent += 1
    if (line === undefined) due.push(startMs + atMs)
    else send(line, startMs + atMs)
  }
  const endsAtMs = performance.now() + LAST_ANSWERS_MS
  while (calls.length < sent) {
    if (performance.now() > endsAtMs)
      throw new Error(`${sent - calls.length} of ${sent} calls have no answer`)
    await sleep(5)
  }
  for (const { socket } of lines) socket.destroy()
  return calls
}

/** Undefined until it is whole. */
function answerIn(
  bytes: Buffer,
): { readonly status: number; readonly body: string; readonly isLast: boolean } | undefined {
  const end = bytes.indexOf(END_OF_HEAD)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
  const from = end + END_OF_HEAD.length
  if (Number.isNaN(length)) throw new Error(`an answer without length: ${head}`)
  if (bytes.length < from + length) return undefined
  return {
    status: Number(head.slice(9, 12)),
    body: bytes.toString('utf8', from, from + length),
    isLast: /\r\nconnection: *close/i.test(head),
  }
}

/** The value below which this share of the values lies; 0 for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
