// Plays hosts that keep to no rule of HTTP on a real socket: one that is deaf to our leaving, one that never takes a connection.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

/** A host that begins an answer, says nothing in it, and never minds whether anybody is still there. */
export type DeafHost = {
  /** Without a path, such as `http://127.0.0.1:40123`. */
  readonly url: string
  /** Requests that it has got. */
  asked(): number
  openSockets(): number
  /** How often it wrote to a connection that its peer had ended. */
  wroteInVain(): number
  close(): Promise<void>
}

const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n'
const COMMENT = 'e\r\n: keep-alive\n\n\r\n'
const EVERY_MS = 50

/** Starts one. Its side of a connection stays open when the peer ends the other, and it goes on writing into it. */
export async function startDeafHost(): Promise<DeafHost> {
  const sockets = new Set<Socket>()
  let asked = 0
  let inVain = 0
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    let isAsked = false
    let isLeft = false
    const timer = setInterval(() => {
      if (!isAsked || socket.destroyed) return
      if (isLeft) inVain += 1
      socket.write(COMMENT)
    }, EVERY_MS)
    socket.on('data', () => {
      if (isAsked) return
      isAsked = true
      asked += 1
      socket.write(HEAD)
    })
    socket.on('end', () => {
      isLeft = true
    })
    // The kernel's answer to what is written in vain: the host takes no notice of it either.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      sockets.delete(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A TCP server that listens has an address of this kind.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked: () => asked,
    openSockets: () => sockets.size,
    wroteInVain: () => inVain,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A host that never takes a connection: connecting to it neither succeeds nor fails. */
export type BusyHost = { readonly url: string; close(): Promise<void> }

/** Listens, and then does nothing more for ever, so that the kernel has nowhere to put a connection. */
const busy = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50)
  })`
const ASLEEP_MS = 200
/** More than Linux keeps for a backlog of one. */
const FILLERS = 4

/** Starts one. */
export async function startBusyHost(): Promise<BusyHost> {
  const worker = new Worker(busy, { eval: true })
  const [port]: unknown[] = await once(worker, 'message')
  await sleep(ASLEEP_MS)
  const fillers = Array.from({ length: FILLERS }, () => connect(Number(port), '127.0.0.1'))
  for (const filler of fillers) filler.on('error', () => undefined)
  await sleep(ASLEEP_MS)
  return {
    url: `http://127.0.0.1:${Number(port)}`,
    async close() {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}
