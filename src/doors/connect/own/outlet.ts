// Where the answers in envelopes leave: what is ready in one turn leaves in one write, at the pace of its reader.
import type { ConnectError } from '@connectrpc/connect'
import { createEndStreamSerialization, endStreamFlag } from '@connectrpc/connect/protocol-connect'
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc'
import { trailerFlag, trailerSerialize } from '@connectrpc/connect/protocol-grpc-web'
import { GatewayError } from '../../../core/errors.ts'
import { drained, finish, flushHeader, isOpen, write, writeLent } from '../../http/pace.ts'
import type { OwnCall } from './call.ts'
import { bytesOf, COMPRESSED, type Envelope, inPlace, joined, PREFIX_BYTES } from './envelope.ts'
import { setStreamHead } from './head.ts'

/** The way out of one answer. */
export interface Outlet {
  /**
   * Takes a message, which leaves at the end of the turn at the latest; with the first one the header is made. Undefined while
   * the next one is welcome at once; else it is when the promise resolves, which waits for the reader or for the compression.
   */
  add(message: Envelope): Promise<void> | undefined
  /** Ends the answer, well or with an error. Resolves when it has been handed to the system or when the client has left. */
  end(error?: ConnectError): Promise<void>
}

// As much as Node keeps for a reader before it asks to wait.
const WRITE_BYTES = 16 * 1024

/** Makes the way out of one answer. */
export function createOutlet(call: OwnCall): Outlet {
  const { res, served, method, encoding } = call
  const { exchange } = served
  const { compressMinBytes } = method.limits
  let waiting: Envelope[] = []
  let waitingBytes = 0
  let plainBytes = 0
  let hasBegun = false
  let isPlanned = false
  let isFull = false

  function flush(): void {
    isPlanned = false
    if (waitingBytes === 0 || !isOpen(res)) return
    const bytes = joined(waiting, waitingBytes)
    exchange.sent(plainBytes)
    waiting = []
    waitingBytes = 0
    plainBytes = 0
    isFull = !write(res, bytes)
  }
  function flushLate(): void {
    try {
      flush()
    } catch (fault) {
      // Nobody waits for it here.
      exchange.fail(GatewayError.from(fault))
      res.destroy()
    }
  }
  function begin(): void {
    if (hasBegun) return
    hasBegun = true
    setStreamHead(call)
  }
  function put(envelope: Envelope, plain: number): Promise<void> | undefined {
    const whole = method.isOfFile ? inPlace(envelope) : undefined
    if (whole !== undefined) {
      flush()
      if (!isOpen(res)) return undefined
      exchange.sent(PREFIX_BYTES + plain)
      isFull = !writeLent(res, whole.chunk, whole.bytes)
      return isFull ? pace() : undefined
    }
    waiting.push(envelope)
    waitingBytes += PREFIX_BYTES + envelope.sizeBytes
    plainBytes += PREFIX_BYTES + plain
    if (waitingBytes >= WRITE_BYTES) flush()
    else if (!isPlanned) {
      isPlanned = true
      // Behind everything that is ready now.
      process.nextTick(flushLate)
    }
    return isFull ? pace() : undefined
  }
  async function pace(): Promise<void> {
    await drained(res, exchange.signal)
    isFull = false
  }
  async function putPacked(envelope: Envelope): Promise<void> {
    const { flags, sizeBytes } = envelope
    const packed = await method.options.compression.compress(bytesOf(envelope))
    await put({ flags: flags | COMPRESSED, data: packed, sizeBytes: packed.byteLength }, sizeBytes)
  }
  function add(envelope: Envelope): Promise<void> | undefined {
    begin()
    return encoding === undefined || envelope.sizeBytes < compressMinBytes
      ? put(envelope, envelope.sizeBytes)
      : putPacked(envelope)
  }

  return {
    add,
    end: async error => {
      const last = endOf(call, error)
      if (last.envelope !== undefined) await add(last.envelope)
      if (!isOpen(res)) return
      begin()
      flush()
      if (last.trailers !== undefined) {
        // Node forgets the trailers of an answer whose header leaves together with its end.
        if (!res.headersSent) flushHeader(res, 200)
        res.addTrailers(last.trailers)
      }
      await finish(res)
    },
  }
}

interface End {
  readonly envelope?: Envelope
  readonly trailers?: Readonly<Record<string, string>>
}

const WELL = { 'grpc-status': '0' }

/** How the end of an answer is said. */
function endOf(call: OwnCall, error: ConnectError | undefined): End {
  const { shape, context, method } = call
  const isPlain = error === undefined && context.touchedTrailer === undefined
  switch (shape.protocol) {
    case 'connect':
      if (isPlain) return { envelope: WELL_CONNECT }
      return {
        envelope: envelopeOf(
          endStreamFlag,
          createEndStreamSerialization(method.options.jsonOptions).serialize({
            metadata: context.responseTrailer,
            ...(error === undefined ? {} : { error }),
          }),
        ),
      }
    case 'grpc':
      return { trailers: isPlain ? WELL : Object.fromEntries(trailersOf(call, error)) }
    case 'grpc-web':
      if (isPlain) return { envelope: WELL_WEB }
      return { envelope: envelopeOf(trailerFlag, trailerSerialize(trailersOf(call, error))) }
    default:
      return shape.protocol satisfies never
  }
}

function trailersOf({ context }: OwnCall, error: ConnectError | undefined): Headers {
  const { responseTrailer } = context
  return error === undefined ? responseTrailer : setTrailerStatus(responseTrailer, error)
}

function envelopeOf(flags: number, data: Uint8Array): Envelope {
  return { flags, data, sizeBytes: data.byteLength }
}

const WELL_CONNECT = envelopeOf(endStreamFlag, Buffer.from('{}'))
const WELL_WEB = envelopeOf(trailerFlag, trailerSerialize(new Headers(WELL)))
