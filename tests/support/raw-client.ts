// Clients of the port that say exactly the bytes they are told to, and HTTP/2 frames made by hand for them.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A TCP client without manners. */
export type RawClient = {
  readonly socket: Socket
  /** Sends text (one byte per character) or bytes. */
  readonly send: (bytes: string | Uint8Array) => void
  /** Sends one byte, waits for it to leave, then the next. */
  readonly drip: (bytes: string | Uint8Array) => Promise<void>
  /** Everything received so far, one character per byte. */
  readonly received: () => string
  /** Resolves when what was received contains the text; rejects when the connection ends before. */
  readonly until: (text: string) => Promise<void>
  /** Resolves when the other side has ended or reset the connection. Only while reading. */
  readonly ended: Promise<void>
}

const afterEachTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Connects to a port on 127.0.0.1. The caller destroys the socket. With `reads: false` it never reads a byte. */
export const openRaw = async (
  port: number,
  options: { readonly reads?: boolean } = {},
): Promise<RawClient> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const chunks: Buffer[] = []
  const received = (): string => Buffer.concat(chunks).toString('latin1')
  const ended = new Promise<void>(resolve => {
    socket.once('end', resolve)
    socket.once('close', () => resolve())
  })
  socket.on('error', () => {
    // A reset is one of the ways in which the port ends a connection; `ended` tells.
  })
  if (options.reads !== false) socket.on('data', chunk => chunks.push(Buffer.from(chunk)))
  await once(socket, 'connect')

  const bytesOf = (bytes: string | Uint8Array): Uint8Array =>
    typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return {
    socket,
    send: bytes => socket.write(bytesOf(bytes)),
    drip: async bytes => {
      for (const byte of bytesOf(bytes)) {
        await new Promise(resolve => socket.write(Buffer.from([byte]), resolve))
        await afterEachTurn()
      }
    },
    received,
    until: text =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!received().includes(text)) return
          socket.off('data', look)
          resolve()
        }
        socket.on('data', look)
        void ended.then(() =>
          reject(new Error(`the connection ended before ${JSON.stringify(text)}: ${received()}`)),
        )
        look()
      }),
    ended,
  }
}

/** The bytes with which every HTTP/2 client begins (RFC 9113 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Frame types of RFC 9113 section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const

/** Makes one HTTP/2 frame. */
export const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** SETTINGS and WINDOW_UPDATE that open 2 GiB windows: the port may send until the kernel takes no more. */
export const wideOpen = (): Buffer =>
  Buffer.concat([
    frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])),
    frame(FRAME.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0, 0])),
  ])

/** An empty SETTINGS frame: all defaults. */
export const SETTINGS = frame(FRAME.settings, 0, 0)

// A literal field without indexing and without Huffman coding (RFC 7541 6.2.2); texts below 127 bytes.
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ])

/** A complete header of a request without a body, or of one whose body follows. */
export const requestFrame = (
  stream: number,
  path: string,
  options: { readonly hasBody?: boolean } = {},
): Buffer => {
  const fields = [
    literal(':method', options.hasBody === true ? 'POST' : 'GET'),
    literal(':scheme', 'http'),
    literal(':authority', '127.0.0.1'),
    literal(':path', path),
  ]
  return frame(FRAME.headers, options.hasBody === true ? 0x4 : 0x5, stream, Buffer.concat(fields))
}

/** The frames in a run of received bytes, as far as they are complete. */
export const framesOf = (received: string): readonly { readonly type: number; readonly stream: number }[] => {
  const bytes = Buffer.from(received, 'latin1')
  const frames: { type: number; stream: number }[] = []
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    frames.push({ type: bytes.readUInt8(at + 3), stream: bytes.readUInt32BE(at + 5) })
  return frames
}
