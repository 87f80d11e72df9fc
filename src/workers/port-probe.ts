// Whether a port can be had: asked before several processes share it, because those would also share it with a stranger.
import { createServer, type ListenOptions } from 'node:net'
import type { PortAddress } from '../server/port.ts'

/** A port that can be had. */
export interface ProbedPort {
  readonly at: PortAddress
  /** To be called when others listen there: until then nobody else is given a port that the system chose. */
  release(): void
}

/** The address that is free now; port 0 is replaced by a free one. Rejects with Node's own error, such as EADDRINUSE. */
export async function probePort(at: { readonly host: string; readonly port: number }): Promise<ProbedPort> {
  // A port of the system's choice is kept, or another connection of this machine may be given it before a worker listens. Whoever
  // knows a port may call it at any time, and must not be taken in by one who only keeps it.
  const isKept = at.port === 0
  const server = createServer(socket => socket.destroy())
  const options: ListenOptions = isKept ? { reusePort: true } : { exclusive: true }
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...at, ...options }, () => {
      const bound = server.address()
      // Null and a string are for servers that are closed or on a pipe.
      const address = typeof bound === 'object' && bound !== null ? bound.address : at.host
      const port = typeof bound === 'object' && bound !== null ? bound.port : at.port
      const found: ProbedPort = { at: { address, port }, release: () => void server.close() }
      if (isKept) resolve(found)
      else server.close(() => resolve({ ...found, release: () => undefined }))
    })
  })
}
