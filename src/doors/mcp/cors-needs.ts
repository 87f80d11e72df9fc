// What a browser must be allowed to send and read so that a page can be an MCP host.
import type { CorsNeeds } from '../../server/cors.ts'

/** Methods and headers of the Streamable HTTP transport (https://modelcontextprotocol.io/specification, Transports). */
export const mcpCorsNeeds: CorsNeeds = {
  methods: ['POST'],
  requestHeaders: ['mcp-protocol-version', 'mcp-session-id', 'mcp-method', 'mcp-name'],
  responseHeaders: ['mcp-session-id'],
}
