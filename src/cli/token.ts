// `exai token`: makes a token, signed with JWT_SECRET, for people and for tests.
import { parseArgs } from 'node:util'
import { TENANT_SHAPE } from '../access/claims.ts'
import { issueToken, type TokenWish } from '../access/token-issue.ts'
import { SCOPES } from '../core/caller.ts'
import { GatewayError } from '../core/errors.ts'
import { COMMAND_EXIT, type Command } from './command.ts'
import { spanOf } from './spans.ts'

/** What `exai token --help` says. */
export const TOKEN_USAGE = `usage:
  exai token create --sub NAME --scope chat,files [--tenant T] [--ttl 1h] [--json]

Signs a token with JWT_SECRET, JWT_ISSUER and JWT_AUDIENCE. It cannot be taken back: let it end soon.
`

const text = { type: 'string' } as const
const options = {
  sub: text,
  tenant: text,
  scope: { type: 'string', multiple: true },
  ttl: { type: 'string', default: '1h' },
  json: { type: 'boolean', default: false },
} as const

/** Runs the command. */
export const tokenCommand: Command = async (args, { config: { auth }, clock, print, complain }) => {
  if (args.includes('--help') || args.includes('-h')) {
    print(TOKEN_USAGE)
    return COMMAND_EXIT.ok
  }
  let asked: ReturnType<typeof wishOf>
  try {
    asked = wishOf(args, clock.now())
  } catch (error) {
    complain(
      `exai: ${error instanceof Error ? error.message : 'wrong arguments'}; exai token --help shows how`,
    )
    return COMMAND_EXIT.usage
  }
  const tokens = auth.mode === 'key' || auth.mode === 'token' ? auth.tokens : undefined
  if (tokens?.secret === undefined) {
    complain(
      'exai: JWT_SECRET is not set, and tokens are signed with it: make one with openssl rand -base64 32',
    )
    return COMMAND_EXIT.config
  }
  const { issuer, audience, secret } = tokens
  const token = await issueToken({ issuer, audience, secret }, asked.wish)
  const expires = new Date(asked.wish.nowMs + asked.wish.ttlMs).toISOString()
  print(asked.json ? `${JSON.stringify({ token, expires })}\n` : `${token}\n`)
  return COMMAND_EXIT.ok
}

function wishOf(
  args: readonly string[],
  nowMs: number,
): { readonly wish: TokenWish; readonly json: boolean } {
  const [action, ...rest] = args
  if (action !== 'create') throw invalid('token wants create')
  const { values } = parseArgs({ args: rest, options })
  const { sub, tenant, json } = values
  if (sub === undefined || sub === '' || sub.length > 255 || /\p{Cc}/u.test(sub))
    throw invalid('--sub is required: who the token is for, 1 to 255 characters')
  if (tenant !== undefined && !TENANT_SHAPE.test(tenant))
    throw invalid('--tenant must have 1 to 128 letters, digits, dots, hyphens, underscores, colons or @')
  const words = (values.scope ?? []).flatMap(value => value.split(','))
  const scopes = SCOPES.filter(scope => words.includes(scope))
  if (scopes.length === 0 || words.some(word => !SCOPES.some(scope => scope === word)))
    throw invalid(`--scope is required: some of ${SCOPES.join(', ')}`)
  return { wish: { subject: sub, tenant, scopes, nowMs, ttlMs: spanOf('--ttl', values.ttl) }, json }
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
