// Serves MCP on standard input and output, for a host that starts this process: nothing else may be written there.
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createMcpServer, type McpServerDeps } from './server.ts'

/** What `serveOnStdio` needs. */
export interface StdioDeps extends Omit<McpServerDeps, 'onRefused'> {
  readonly stdin: NodeJS.ReadStream
  /** Hears of what goes wrong outside of any request. */
  readonly onFault: (error: Error) => void
}

/** Serves until the host closes standard input; what is running then is cancelled. */
export async function serveOnStdio({ stdin, onFault, ...deps }: StdioDeps): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  stdin.once('end', resolve)
  stdin.once('close', resolve)
  const connection = serveStdio(() => createMcpServer({ ...deps, onRefused: () => undefined }), {
    onerror: onFault,
  })
  await ended
  await connection.close()
}
