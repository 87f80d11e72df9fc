// `exai mcp`: an MCP server on standard input and output, for hosts that start one. It works through a running service.
import { parseArgs } from 'node:util'
import { serveOnStdio } from '../doors/mcp/stdio.ts'
import { COMMAND_EXIT, type Command } from './command.ts'
import { remoteBackend, urlOf } from './mcp-backend.ts'

const HELP = `exai mcp: an MCP server on standard input and output, for a host that starts it

The tools are those of /mcp: chat, list_models, explain_route, upload_file, ask_file, usage and status.
It asks the service at HOST and PORT. The credential is EXAI_API_KEY: an API key or a token with the scopes
chat, files and monitoring, or those of them that are needed.
Standard output carries the protocol; lines for people go to standard error. It ends when standard input does.
`

/** Makes the command of this version of the service. */
export function createMcpCommand(version: string, stdin: NodeJS.ReadStream): Command {
  return async (args, { config: { listen, apiKey }, print, complain }) => {
    let isHelp: boolean
    try {
      isHelp = wantsHelp(args)
    } catch (error) {
      complain(`exai: ${error instanceof Error ? error.message : String(error)}`)
      return COMMAND_EXIT.usage
    }
    if (isHelp) {
      print(HELP)
      return COMMAND_EXIT.ok
    }
    const target = { ...listen, credential: apiKey }
    complain(`exai mcp: working with the service at ${urlOf(target)}`)
    await serveOnStdio({
      backend: remoteBackend(target),
      version,
      stdin,
      onFault: error => complain(`exai mcp: ${error.message}`),
    })
    return COMMAND_EXIT.ok
  }
}

function wantsHelp(args: readonly string[]): boolean {
  const { values } = parseArgs({
    args: [...args],
    options: { help: { type: 'boolean', short: 'h', default: false } },
  })
  return values.help
}
