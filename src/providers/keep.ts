// What of the providers outlives a change of the configuration: their keys' records and their connections.
import { createHoldings, type Held } from './held.ts'
import { createUpstreamHttp, type UpstreamHttp, type UpstreamHttpDeps } from './http.ts'
import { createKeyMemory, type KeyMemory } from './key-memory.ts'

/** What providers hold that others with the same names held before them. */
export interface Keep {
  readonly keys: KeyMemory
  /** The client of one provider and base URL. Throws INVALID_REQUEST for a bad one. */
  client(deps: UpstreamHttpDeps): Held<UpstreamHttp>
  /** Open sockets of all clients, also of those that nobody holds any more. */
  openSockets(): number
  /** Closes every client at once. Nothing is to be used afterwards. */
  close(): Promise<void>
}

/** What a keep is made from. */
export interface KeepDeps {
  /**
   * How long a client that no provider holds any more can still be used, in milliseconds: a call that began before may ask
   * its candidates until its deadline. Its idle connections close by themselves meanwhile.
   */
  readonly clientGraceMs: number
}

/** Makes an empty keep. */
export function createKeep({ clientGraceMs }: KeepDeps): Keep {
  const open = new Set<UpstreamHttp>()
  const leaving = new Set<NodeJS.Timeout>()

  function retire(client: UpstreamHttp): void {
    const timer = setTimeout(() => {
      leaving.delete(timer)
      open.delete(client)
      void client.close()
    }, clientGraceMs).unref()
    leaving.add(timer)
  }

  const clients = createHoldings<UpstreamHttp>(retire)
  return {
    keys: createKeyMemory(),
    client: deps =>
      clients.hold(JSON.stringify([deps.provider, deps.baseUrl, deps.connectTimeoutMs]), () => {
        const client = createUpstreamHttp(deps)
        open.add(client)
        return client
      }),
    openSockets: () => [...open].reduce((sum, client) => sum + client.openSockets(), 0),
    async close() {
      for (const timer of leaving) clearTimeout(timer)
      leaving.clear()
      await Promise.all([...open].map(client => client.close()))
      open.clear()
    },
  }
}
