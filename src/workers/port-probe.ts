// Whether a port can be had: asked before several processes share it, because those would also share it with a stranger.
import { createServer } from 'node:net'
import type { PortAddress } from '../server/port.ts'

/** The address that is free now; port 0 is replaced by a free one. Rejects with Node's own error, such as EADDRINUSE. */
export async function probePort(at: { readonly host: string; readonly port: number }): Promise<PortAddress> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port, exclusive: true }, () => {
      const bound = server.address()
      // Null and a string are for servers that are closed or on a pipe.
      const address = typeof bound === 'object' && bound !== null ? bound.address : at.host
      const port = typeof bound === 'object' && bound !== null ? bound.port : at.port
      server.close(() => resolve({ address, port }))
    })
  })
}
