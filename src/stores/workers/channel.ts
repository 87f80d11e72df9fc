// What the processes of one service say to one another: questions, words without an answer, and streams, gathered turn by turn.
import type { Duplex } from 'node:stream'
import { GatewayError } from '../../core/errors.ts'
import { createSlots } from '../../core/slots.ts'
import { errorOf, type Fault, faultOf } from './faults.ts'
import { createFramer, frameOf } from './frames.ts'

/** What one end answers, by name. */
export type Handlers = Readonly<Record<string, (input: never) => unknown>>
/** The streams that one end gives, by name. */
export type Streams = Readonly<Record<string, (input: never, signal: AbortSignal) => AsyncIterable<unknown>>>

/** What one end offers to the other one. */
export interface Offer {
  readonly handlers: Handlers
  /** Default: none. */
  readonly streams?: Streams
}

/** One end. What is sent before something else arrives before it, too. */
export interface Channel {
  /** Asks for an answer. Throws what the handler threw, and INTERNAL when the other end is gone before it has answered. */
  ask(name: string, input: unknown): Promise<unknown>
  /** Says something; nobody answers. */
  tell(name: string, input: unknown): void
  /** Follows a stream of the other end; ends with it, and throws what it threw, or the signal's reason. */
  follow(name: string, input: unknown, signal: AbortSignal): AsyncGenerator<unknown>
  /** How many questions wait for an answer. */
  waiting(): number
  isOpen(): boolean
  /** Resolves when the other end is gone. */
  readonly closed: Promise<void>
  /** Sends what waits, and ends. */
  close(): void
}

/** What a channel is made from. */
export interface ChannelDeps {
  readonly socket: Duplex
  readonly offer: Offer
  /** Takes what a handler threw where nobody waits for an answer, and what cannot be read. */
  readonly onFault: (fault: unknown) => void
}

/** Pages of a stream that may be on their way at once. */
const PAGES_MAX = 8

const TELL = 0
const ASK = 1
const ANSWER = 2
const FAULT = 3
const FOLLOW = 4
const PAGE = 5
const TAKEN = 6
const END = 7
const STOP = 8

/** Kind, number, then what belongs to the kind. */
type Frame = readonly [kind: number, id: number, one?: unknown, other?: unknown]

interface Waiting {
  resolve(output: unknown): void
  reject(error: GatewayError): void
}

/** A stream as its reader has it. */
interface Reading {
  readonly pages: unknown[]
  end: { readonly fault?: Fault | undefined } | undefined
  wake(): void
}

/** A stream as its giver has it. */
interface Giving {
  readonly stopping: AbortController
  room: number
  wake(): void
}

/** Makes one end. */
export function createChannel({ socket, offer, onFault }: ChannelDeps): Channel {
  const { handlers, streams = {} } = offer
  // A question has its place for a number until it is answered, which it is once.
  const waiting = createSlots<Waiting>()
  const readings = new Map<number, Reading>()
  const givings = new Map<number, Giving>()
  const closed = Promise.withResolvers<void>()
  let frames: Frame[] = []
  let lastId = 0
  let isOpen = true

  function flush(): void {
    if (frames.length === 0) return
    const all = frames
    frames = []
    if (isOpen) socket.write(frameOf(all))
  }

  function send(frame: Frame): void {
    // After what else this turn brings: one write, and one look at the other end, for all of it.
    if (frames.push(frame) === 1) setImmediate(flush)
  }

  function run(name: unknown, input: unknown): unknown {
    const handler = Object.hasOwn(handlers, String(name)) ? handlers[String(name)] : undefined
    if (handler === undefined) throw new GatewayError('INTERNAL', `nobody here answers ${String(name)}`)
    // Both ends are of one version, and typed where they ask.
    return handler(input as never)
  }

  function answer(id: number, name: unknown, input: unknown): void {
    const failed = (error: unknown): void => send([FAULT, id, faultOf(error)])
    try {
      const output = run(name, input)
      if (output instanceof Promise) output.then(value => send([ANSWER, id, value]), failed)
      else send([ANSWER, id, output])
    } catch (error) {
      failed(error)
    }
  }

  function hear(name: unknown, input: unknown): void {
    try {
      const output = run(name, input)
      if (output instanceof Promise) output.catch(onFault)
    } catch (error) {
      onFault(error)
    }
  }

  async function give(id: number, name: unknown, input: unknown): Promise<void> {
    const giving: Giving = { stopping: new AbortController(), room: PAGES_MAX, wake: () => undefined }
    const { signal } = giving.stopping
    givings.set(id, giving)
    try {
      const stream = Object.hasOwn(streams, String(name)) ? streams[String(name)] : undefined
      if (stream === undefined) throw new GatewayError('INTERNAL', `nobody here gives ${String(name)}`)
      for await (const page of stream(input as never, signal)) {
        if (signal.aborted) break
        send([PAGE, id, page])
        giving.room -= 1
        while (giving.room <= 0 && !signal.aborted)
          await new Promise<void>(resolve => (giving.wake = resolve))
      }
      if (!signal.aborted) send([END, id])
    } catch (error) {
      if (!signal.aborted) send([END, id, faultOf(error)])
    } finally {
      givings.delete(id)
    }
  }

  function stop(giving: Giving | undefined): void {
    giving?.stopping.abort(new GatewayError('CANCELLED', 'nobody reads any more'))
    giving?.wake()
  }

  function answered(id: number, settle: (asked: Waiting) => void): void {
    const asked = waiting.take(id)
    if (asked !== undefined) settle(asked)
  }

  function read(id: number, change: (reading: Reading) => void): void {
    const reading = readings.get(id)
    if (reading === undefined) return
    change(reading)
    reading.wake()
  }

  /** What is done with each kind, in the order of their numbers. */
  const takers: readonly ((id: number, one: unknown, other: unknown) => void)[] = [
    (_, name, input) => hear(name, input),
    answer,
    (id, output) => answered(id, asked => asked.resolve(output)),
    (id, fault) => answered(id, asked => asked.reject(errorOf(fault as Fault))),
    (id, name, input) => void give(id, name, input),
    (id, page) => read(id, reading => void reading.pages.push(page)),
    id => {
      const giving = givings.get(id)
      if (giving === undefined) return
      giving.room += 1
      giving.wake()
    },
    (id, fault) =>
      read(id, reading => {
        reading.end = { fault: fault as Fault | undefined }
      }),
    id => stop(givings.get(id)),
  ]

  function gone(): void {
    if (!isOpen) return
    isOpen = false
    const error = new GatewayError('INTERNAL', 'the process at the other end is gone')
    for (const one of waiting.clear()) one.reject(error)
    for (const reading of readings.values()) {
      reading.end ??= { fault: faultOf(error) }
      reading.wake()
    }
    for (const giving of [...givings.values()]) stop(giving)
    closed.resolve()
  }

  const framer = createFramer(all => {
    // Only the other end writes here, and it is this file there.
    for (const [kind, id, one, other] of all as readonly Frame[]) takers[kind]?.(id, one, other)
  })
  socket.on('data', (chunk: Buffer) => {
    try {
      framer.add(chunk)
    } catch (error) {
      onFault(error)
      socket.destroy()
    }
  })
  // What goes wrong with the socket ends it.
  socket.on('error', () => undefined)
  socket.on('end', () => socket.destroy())
  socket.on('close', gone)

  return {
    async ask(name, input) {
      if (!isOpen) throw new GatewayError('INTERNAL', 'the process at the other end is gone')
      return new Promise((resolve, reject) => send([ASK, waiting.add({ resolve, reject }), name, input]))
    },
    tell(name, input) {
      if (isOpen) send([TELL, 0, name, input])
    },
    async *follow(name, input, signal) {
      signal.throwIfAborted()
      if (!isOpen) throw new GatewayError('INTERNAL', 'the process at the other end is gone')
      lastId += 1
      const id = lastId
      const reading: Reading = { pages: [], end: undefined, wake: () => undefined }
      const onAbort = (): void => reading.wake()
      signal.addEventListener('abort', onAbort)
      readings.set(id, reading)
      send([FOLLOW, id, name, input])
      try {
        for (;;) {
          signal.throwIfAborted()
          if (reading.pages.length > 0) {
            const page = reading.pages.shift()
            send([TAKEN, id])
            yield page
          } else if (reading.end === undefined) {
            await woken(reading)
          } else if (reading.end.fault === undefined) return
          else throw errorOf(reading.end.fault)
        }
      } finally {
        readings.delete(id)
        signal.removeEventListener('abort', onAbort)
        if (reading.end === undefined) send([STOP, id])
      }
    },
    waiting: waiting.size,
    isOpen: () => isOpen,
    closed: closed.promise,
    close() {
      flush()
      socket.end()
    },
  }
}

function woken(sleeper: { wake(): void }): Promise<void> {
  return new Promise(resolve => {
    sleeper.wake = resolve
  })
}
