// MCP hosts made with the official clients, of both major versions and over both transports, behind one face.
import { join } from 'node:path'
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { root } from './tools.ts'

/** What a tool answered. */
export type Called = {
  readonly isError: boolean
  readonly texts: readonly string[]
  readonly structured: Readonly<Record<string, unknown>>
}

/** One notification of progress. */
export type Progress = { readonly progress: number; readonly message?: string | undefined }

/** What a call is made with. */
export type CallOptions = {
  readonly onProgress?: (progress: Progress) => void
  readonly signal?: AbortSignal
}

/** A connected host. */
export type McpHost = {
  readonly tools: () => Promise<
    readonly { name: string; inputSchema: object; outputSchema?: object | undefined }[]
  >
  readonly call: (name: string, args: Record<string, unknown>, options?: CallOptions) => Promise<Called>
  readonly resources: () => Promise<readonly { uri: string; title?: string | undefined }[]>
  readonly templates: () => Promise<readonly string[]>
  readonly read: (uri: string) => Promise<Readonly<Record<string, unknown>>>
  readonly close: () => Promise<void>
}

/** Where the service is, and with which credential it is asked. */
export type McpTarget = { readonly url: string; readonly port: number; readonly credential?: string }

/** A way to be an MCP host. */
export type McpWay = { readonly name: string; readonly open: (target: McpTarget) => Promise<McpHost> }

const me = { name: 'host-of-tests', version: '1.0.0' }
const MAIN = join(root, 'src/main.ts')

/** Every way: revision 2026-07-28 and those before it, the client of today and the one before, HTTP and stdio. */
export const mcpWays: readonly McpWay[] = [
  { name: 'client 2 over HTTP', open: target => second(true, new Http2(...httpOf(target))) },
  {
    name: 'client 2 with revision 2025-11-25 over HTTP',
    open: target => second(false, new Http2(...httpOf(target))),
  },
  { name: 'client 1 over HTTP', open: target => first(new Http1(...httpOf(target))) },
  { name: 'client 2 on stdio', open: target => second(true, new Stdio2(stdioOf(target))) },
  { name: 'client 1 on stdio', open: target => first(new Stdio1(stdioOf(target))) },
]

function httpOf({ url, credential }: McpTarget): [URL, { requestInit: { headers: Record<string, string> } }] {
  const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` }
  return [new URL('/mcp', url), { requestInit: { headers } }]
}

function stdioOf({ port, credential }: McpTarget) {
  const env = { PORT: String(port), ...(credential === undefined ? {} : { EXAI_API_KEY: credential }) }
  // A folder without settings of its own.
  const cwd = join(root, 'tests')
  return { command: process.execPath, args: [MAIN, 'mcp'], env, cwd, stderr: 'pipe' as const }
}

async function second(isNew: boolean, transport: Http2 | Stdio2): Promise<McpHost> {
  const client = new Client2(me, isNew ? { versionNegotiation: { mode: 'auto' } } : {})
  await client.connect(transport)
  return {
    tools: async () => (await client.listTools()).tools,
    call: async (name, args, { onProgress, signal } = {}) =>
      calledOf(
        await client.callTool(
          { name, arguments: args },
          { ...(onProgress && { onprogress: onProgress }), ...(signal && { signal }) },
        ),
      ),
    resources: async () => (await client.listResources()).resources,
    templates: async () =>
      (await client.listResourceTemplates()).resourceTemplates.map(one => one.uriTemplate),
    read: async uri => contentOf(await client.readResource({ uri })),
    close: () => client.close(),
  }
}

async function first(transport: Http1 | Stdio1): Promise<McpHost> {
  const client = new Client1(me)
  // Its own transports do not fit its own interface under exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<Client1['connect']>[0])
  return {
    tools: async () => (await client.listTools()).tools,
    call: async (name, args, { onProgress, signal } = {}) =>
      calledOf(
        await client.callTool({ name, arguments: args }, undefined, {
          ...(onProgress && { onprogress: onProgress }),
          ...(signal && { signal }),
        }),
      ),
    resources: async () => (await client.listResources()).resources,
    templates: async () =>
      (await client.listResourceTemplates()).resourceTemplates.map(one => one.uriTemplate),
    read: async uri => contentOf(await client.readResource({ uri })),
    close: () => client.close(),
  }
}

function calledOf(result: Readonly<Record<string, unknown>>): Called {
  const content = Array.isArray(result['content']) ? result['content'] : []
  return {
    isError: result['isError'] === true,
    texts: content.flatMap(one => (one.type === 'text' ? [String(one.text)] : [])),
    structured: { ...(result['structuredContent'] as Record<string, unknown> | undefined) },
  }
}

function contentOf({ contents }: { contents: readonly object[] }): Readonly<Record<string, unknown>> {
  return { ...contents[0] }
}
