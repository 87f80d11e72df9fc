// The words of the command line: what `exai --help` says, made from the table of settings.
import { type SettingGroup, settingGroups, settings } from '../config/settings.ts'

const HEAD = `exai: an AI gateway over gRPC, gRPC-Web and Connect JSON, on one port

usage:
  exai            starts the service
  exai chat       asks a model, or talks with it on a terminal: see exai chat --help
  exai health     asks a running service whether it takes calls: exit code 0 if it does
  exai keys       makes, lists, rotates and revokes API keys: see exai keys --help
  exai mcp        is an MCP server on standard input and output: see exai mcp --help
  exai token      makes a token, signed with JWT_SECRET: see exai token --help
  exai status     tells how a running service is: see exai status --help
  exai usage      tells what was used, by day, model, provider, key or tenant
  exai --help     prints this
  exai --version  prints the version

A first call, in another terminal: exai chat "Hello!", or
  curl -H 'content-type: application/json' http://127.0.0.1:8080/exai.v1.ChatService/Complete \\
    -d '{"model":"auto","messages":[{"role":"ROLE_USER","content":[{"text":"Hello!"}]}]}'

Settings are environment variables, or lines of a file .env in the working folder. Nothing is required.
`

/** The whole help text. */
export function usage(): string {
  return [HEAD, ...settingGroups.map(section)].join('\n')
}

function section(group: SettingGroup): string {
  const rows = Object.entries(settings).filter(([, row]) => row.group === group)
  const lines = rows.map(([name, row]) => {
    const value = 'default' in row ? ` [${row.default}${'unit' in row ? ` ${row.unit}` : ''}]` : ''
    return `  ${name.padEnd(20)} ${row.about}${value}`
  })
  return `${group}\n${lines.join('\n')}\n`
}
