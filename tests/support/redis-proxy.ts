// Stands between a service and its Redis: notes which scripts are asked for and when, and holds some of them back.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { SCRIPTS, type ScriptName } from '../../src/stores/redis/scripts.ts'

/** A script that was asked for. */
export type Trip = {
  readonly script: ScriptName
  /** When its question came, on the clock of `performance.now`. */
  readonly atMs: number
}

/** A running proxy. */
export type RedisProxy = {
  readonly url: string
  /** Every script since the last `forget`, in the order in which they were asked for. */
  trips(): readonly Trip[]
  forget(): void
  /** From now on this script, and what its connection sends after it, does not reach Redis until `goOn`. */
  hold(script: ScriptName): void
  goOn(): void
  close(): void
}

const scriptsBySha = new Map(
  Object.entries(SCRIPTS).map(([name, lua]) => [
    createHash('sha1').update(lua).digest('hex'),
    // A name of the table that it was made from.
    name as ScriptName,
  ]),
)

/** Starts a proxy in front of the Redis on a port of 127.0.0.1. */
export async function startRedisProxy(redisPort: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>()
  const releases = new Set<() => void>()
  let trips: Trip[] = []
  let held: ScriptName | undefined

  const server = createServer(client => {
    const redis = createConnection({ host: '127.0.0.1', port: redisPort })
    let rest: Buffer = Buffer.alloc(0)
    let waiting: Buffer[] | undefined
    const release = (): void => {
      for (const bytes of waiting ?? []) redis.write(bytes)
      waiting = undefined
    }
    releases.add(release)
    for (const socket of [client, redis]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        client.destroy()
        redis.destroy()
      })
    }
    redis.on('data', bytes => void client.write(bytes))
    client.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes])
      for (let command = readCommand(rest); command !== undefined; command = readCommand(rest)) {
        const [name = '', sha = ''] = command.words
        const script = name.toUpperCase() === 'EVALSHA' ? scriptsBySha.get(sha) : undefined
        if (script !== undefined) {
          trips.push({ script, atMs: performance.now() })
          if (script === held) waiting ??= []
        }
        const whole = rest.subarray(0, command.length)
        rest = rest.subarray(command.length)
        if (waiting === undefined) redis.write(whole)
        else waiting.push(whole)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A listening TCP server has an address of this form.
  const { port } = server.address() as AddressInfo

  return {
    url: `redis://127.0.0.1:${port}`,
    trips: () => trips,
    forget() {
      trips = []
    },
    hold(script) {
      held = script
    },
    goOn() {
      held = undefined
      for (const release of releases) release()
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The first whole command of these bytes (https://redis.io/docs/latest/develop/reference/protocol-spec/), if there is one. */
function readCommand(
  bytes: Buffer,
): { readonly words: readonly string[]; readonly length: number } | undefined {
  let at = 0
  const line = (): string | undefined => {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const text = bytes.toString('latin1', at, end)
    at = end + 2
    return text
  }
  const count = Number(line()?.slice(1))
  const words: string[] = []
  for (let index = 0; index < count; index += 1) {
    const size = Number(line()?.slice(1))
    if (Number.isNaN(size) || bytes.length < at + size + 2) return undefined
    words.push(bytes.toString('latin1', at, at + size))
    at += size + 2
  }
  return Number.isNaN(count) ? undefined : { words, length: at }
}
