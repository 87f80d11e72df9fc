// Messages of MCP sent by hand over HTTP, and read out of the streams that answer them.

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** An answer of HTTP. */
export type McpAnswer = { readonly status: number; readonly headers: Headers; readonly text: string }

/** The header of every request of the transport. */
export const mcpHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

/** The first message of a session of revision 2025-11-25. */
export const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'tests', version: '1' } },
}

/** A call of the tool `chat` that wants to hear of its progress as 7. */
export const chatMessage = (prompt: string, id: number | string = 2): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: {
    name: 'chat',
    arguments: { model: 'openai/test-model', prompt },
    _meta: { progressToken: 7 },
  },
})

/** Sends a body to the door of a service. */
export async function sendMcp(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  method = 'POST',
): Promise<McpAnswer> {
  const response = await fetch(new URL('/mcp', url), {
    method,
    headers: { ...mcpHeaders, ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** The messages of a stream of events. */
export const messagesIn = (text: string): readonly Json[] =>
  [...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data))
