// Providers that hold copies of files, behind one HTTP server: `DELETE /provider/account/id` deletes one.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GatewayError } from '../../src/core/errors.ts'
import type { CopyProviders } from '../../src/files/remove-copy.ts'

/** A running host. */
export interface CopyHost {
  readonly url: string
  /** Paths of the copies that it holds. */
  readonly copies: Set<string>
  /** Paths of all requests so far, in order. */
  readonly asked: readonly string[]
  /** Called before a copy is deleted, and before its deletion is answered; what it waits for holds the request up. */
  on: ((path: string, when: 'asked' | 'deleted') => Promise<void> | void) | undefined
  /** Providers that answer 503. */
  readonly down: Set<string>
  close(): Promise<void>
}

/** Starts a host without copies. */
export async function startCopyHost(): Promise<CopyHost> {
  const copies = new Set<string>()
  const asked: string[] = []
  const down = new Set<string>()
  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    await host.on?.(path, 'asked')
    const isDown = down.has(path.split('/')[1] ?? '')
    const status = isDown ? 503 : copies.delete(path) ? 204 : 404
    await host.on?.(path, 'deleted')
    response.writeHead(status).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // Listening on TCP: never a path.
  const host: CopyHost = {
    url: `http://127.0.0.1:${port}`,
    copies,
    asked,
    on: undefined,
    down,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return host
}

/** Providers of these names that delete their copies at a host; accounts that begin with `old` are not theirs. */
export function hostedProviders(url: string, names: readonly string[]): CopyProviders {
  const providers = names.map(id => ({
    id,
    async removeCopy(
      { account, remoteId }: { readonly account: string; readonly remoteId: string },
      signal: AbortSignal,
    ): Promise<void> {
      if (account.startsWith('old')) throw new GatewayError('KEY_NOT_FOUND', 'no key has this account')
      const { status } = await fetch(`${url}/${id}/${account}/${remoteId}`, { method: 'DELETE', signal })
      if (status === 503) throw new GatewayError('UPSTREAM_UNAVAILABLE', 'the provider is down')
      if (status !== 204 && status !== 404) throw new GatewayError('INTERNAL', `the host answered ${status}`)
    },
  }))
  return () => providers
}
