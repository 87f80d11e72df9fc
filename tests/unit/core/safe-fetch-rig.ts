// Hosts of media on this machine, a resolver made of a table, and a dialler that writes down where it was sent.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { createSafeFetch, type SafeFetchDeps, type SafeFetchRequest } from '../../../src/core/safe-fetch.ts'
import { type Dial, dialTcp, type Resolve } from '../../../src/core/safe-fetch-connect.ts'

/** A public address: of no range in the registries of special ones. Nothing here ever connects to it. */
export const PUBLIC = '93.184.216.34'

/** A host of media on 127.0.0.1. */
export interface MediaHost {
  readonly port: number
  /** What it was asked, in order. */
  readonly requests: readonly IncomingMessage[]
  /** Ends when all of its connections are closed. */
  allClosed(): Promise<void>
}

/** Serves HTTP until the test is over. */
export async function mediaHost(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<MediaHost> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  return { ...(await listening(server)), requests }
}

/** Sends bytes as they are to whoever has asked something, and closes unless it is to stay open. */
export async function rawHost(text: string, isLeftOpen = false): Promise<MediaHost> {
  const server = createTcpServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => (isLeftOpen ? socket.write(text, 'latin1') : socket.end(text, 'latin1')))
  })
  return { ...(await listening(server)), requests: [] }
}

/** Listens on a free port of 127.0.0.1 until the test is over. */
export async function listening(server: Server): Promise<Omit<MediaHost, 'requests'>> {
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) for (const done of waiting) done()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return {
    port: (server.address() as AddressInfo).port,
    allClosed: () =>
      sockets.size === 0 ? Promise.resolve() : new Promise(resolve => void waiting.add(resolve)),
  }
}

/** A safe fetch and what it did. */
export interface FetchRig {
  /** Fetches with a maximum of 1000 bytes and a signal that never fires, unless told otherwise. */
  get(
    url: string,
    request?: Partial<SafeFetchRequest>,
  ): ReturnType<ReturnType<typeof createSafeFetch>['fetch']>
  /** Names that the resolver was asked for, in order. */
  readonly asked: readonly string[]
  /** `address port` of everything that was dialled, in order. */
  readonly dialled: readonly string[]
}

/** What a rig is made from. */
export interface FetchRigDeps extends Partial<SafeFetchDeps> {
  /** Addresses of names: a list for each time that the name is asked for, of which the last one stays. */
  readonly names?: Readonly<Record<string, readonly (readonly string[])[]>>
  /** For an address that is not of this machine, the port of 127.0.0.1 that stands for it. */
  readonly hosts?: Readonly<Record<string, number>>
}

/** Makes a safe fetch that resolves names by a table and connects to this machine alone. */
export function fetchRig({ names = {}, hosts = {}, ...deps }: FetchRigDeps = {}): FetchRig {
  const asked: string[] = []
  const dialled: string[] = []
  const resolve: Resolve = name => {
    const answers = names[name]
    const times = asked.filter(before => before === name).length
    asked.push(name)
    if (answers === undefined) return Promise.reject(fault('ENOTFOUND'))
    return Promise.resolve((answers[Math.min(times, answers.length - 1)] ?? []).map(address => ({ address })))
  }
  const connect: Dial = ({ address, port }, signal) => {
    dialled.push(`${address} ${port}`)
    const stand = hosts[address]
    if (stand !== undefined) return dialTcp({ address: '127.0.0.1', port: stand }, signal)
    if (address === '127.0.0.1') return dialTcp({ address, port }, signal)
    return Promise.reject(fault('ECONNREFUSED'))
  }
  const { fetch } = createSafeFetch({ resolve, connect, allowPrivate: false, ...deps })
  return {
    get: (url, request) => fetch({ url, maxBytes: 1000, signal: new AbortController().signal, ...request }),
    asked,
    dialled,
  }
}

/** An error of Node's with that code. */
export function fault(code: string): Error {
  return Object.assign(new Error('made by a test'), { code })
}

/** Bytes as UTF-8. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
