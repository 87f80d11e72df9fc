// The MCP server itself: its tools and resources over any transport. One is made for each request, or for each connection on stdio.
import { ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server'
import { type GatewayError, REASONS } from '../../core/errors.ts'
import type { Backend } from './backend.ts'
import { errorOf, toldError } from './errors.ts'
import { listResources, RESOURCE_TEMPLATES, readResource } from './resources.ts'
import { TOOLS } from './tools.ts'

/** What `createMcpServer` needs. */
export interface McpServerDeps {
  readonly backend: Backend
  /** The version of this service. */
  readonly version: string
  /** Hears of calls of tools whose arguments are refused before any RPC is called. */
  readonly onRefused: (error: GatewayError) => void
}

const INSTRUCTIONS =
  'A gateway to language models of several providers. chat asks one; with model auto the gateway picks it. Files that were uploaded and conversations are resources.'

/** What lists say changes only with the version of the service. */
const LIST_TTL_MS = 3_600_000

/** Makes it. */
export function createMcpServer({ backend, version, onRefused }: McpServerDeps): Server {
  const server = new Server(
    { name: 'exai', title: 'exai gateway', version },
    {
      capabilities: { tools: {}, resources: {} },
      instructions: INSTRUCTIONS,
      cacheHints: {
        'tools/list': { ttlMs: LIST_TTL_MS, cacheScope: 'public' },
        'resources/templates/list': { ttlMs: LIST_TTL_MS, cacheScope: 'public' },
      },
    },
  )
  server.setRequestHandler('tools/list', () => ({ tools: TOOLS.map(tool => tool.listing()) }))
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const tool = TOOLS.find(({ name }) => name === params.name)
    if (tool === undefined) throw unknownTool(params.name)
    const progressToken = mcpReq._meta?.progressToken
    let last = -1
    const result = await tool.call(params.arguments, {
      backend,
      signal: mcpReq.signal,
      refused: onRefused,
      progress(progress, message) {
        // Progress must rise (https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress).
        if (progressToken === undefined || progress <= last) return
        last = progress
        // A client that has left is told nothing; the call hears of it in its own way.
        mcpReq
          .notify({ method: 'notifications/progress', params: { progressToken, progress, message } })
          .catch(() => undefined)
      },
    })
    return server.projectCallToolResult(result, tool.listing().outputSchema)
  })
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: RESOURCE_TEMPLATES.map(template => ({ ...template })),
  }))
  server.setRequestHandler('resources/list', ({ params }, { mcpReq: { signal } }) =>
    explained(listResources(backend, params?.cursor, signal), signal),
  )
  server.setRequestHandler('resources/read', ({ params: { uri } }, { mcpReq: { signal } }) =>
    explained(
      readResource(backend, uri, signal).then(content => ({ contents: [content] })),
      signal,
    ),
  )
  return server
}

function unknownTool(name: string): ProtocolError {
  const names = TOOLS.map(tool => tool.name).join(', ')
  const message = `there is no tool ${JSON.stringify(name.slice(0, 100))}: there are ${names}`
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message)
}

/** What is thrown goes to the client word for word: only our own sentence does. */
async function explained<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work
  } catch (thrown) {
    const error = errorOf(thrown, signal)
    const { code } = REASONS[error.reason]
    const isTheirs = code === 'INVALID_ARGUMENT' || code === 'NOT_FOUND'
    const rpcCode = isTheirs ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError
    throw new ProtocolError(rpcCode, error.message, toldError(error))
  }
}
