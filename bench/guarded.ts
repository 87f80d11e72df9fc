// A service under test as its callers find it: open to all, or asking for keys or tokens and keeping limits.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cores } from './machine.ts'
import { runCommand, type Server, startGateway } from './processes.ts'

/** What a service asks for: nothing, an API key with limits, or a token with limits. */
export type ServiceName = 'open' | 'key' | 'token'

/** A running service, and what its callers show. */
export type Running = { readonly server: Server; readonly credential: string | undefined }

/** What a service is started with. */
export type ServiceOptions = {
  readonly upstreamPort: number
  readonly cores: Cores | undefined
  /** A folder for data, which somebody removes at the end. */
  readonly folder: string
  /** Arguments for Node in the service. */
  readonly nodeArgs?: readonly string[]
  /** More settings. */
  readonly env?: Readonly<Record<string, string>>
  /** The program, when it is not src/main.ts. */
  readonly file?: string
}

/** So large that no call of a run is refused. */
const LIMITS = {
  requests_per_minute: 1_000_000_000,
  concurrent_calls: 1_000_000,
  tokens_per_minute: 100_000_000_000,
  day_budget: 1_000_000,
} as const
const CONFIG = 'exai.yaml'
const JWT_SECRET = 'of-the-benchmark-alone-0123456789abcdef'

/** Starts a service in a folder of its own, with a credential made by the command that everybody makes it with. */
export async function startService(name: ServiceName, options: ServiceOptions): Promise<Running> {
  const { upstreamPort, cores, nodeArgs = [], file } = options
  const folder = mkdtempSync(join(options.folder, `${name}-`))
  const asks = settingsOf(name)
  const isLimited = name !== 'open'
  if (isLimited) writeFileSync(join(folder, CONFIG), limitsText())
  // What is refused when a machine is busy with others is no part of any figure.
  const env = {
    OVERLOAD_DELAY: '60',
    ...(isLimited ? { EXAI_CONFIG: CONFIG } : {}),
    ...asks,
    ...options.env,
  }
  const credential = await credentialOf(name, folder, env)
  const core = cores?.server
  const server = await startGateway({ upstreamPort, core, folder, nodeArgs, env, credential, file })
  return { server, credential }
}

function settingsOf(name: ServiceName): Readonly<Record<string, string>> {
  switch (name) {
    case 'open':
      return {}
    case 'key':
      return { EXAI_AUTH: 'key' }
    case 'token':
      return { JWT_SECRET }
    default:
      return name satisfies never
  }
}

function limitsText(): string {
  const { day_budget, ...rates } = LIMITS
  const lines = Object.entries({ ...rates, day_budget_usd: day_budget }).map(
    ([kind, value]) => `${kind}: ${value}`,
  )
  return `limits: { tenants: { default: { ${lines.join(', ')} } } }\n`
}

async function credentialOf(
  name: ServiceName,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  switch (name) {
    case 'open':
      return undefined
    case 'key': {
      const limits = Object.entries(LIMITS).flatMap(([kind, value]) => [
        '--limit',
        `${kind}=${value}${kind === 'day_budget' ? 'usd' : ''}`,
      ])
      const args = ['keys', 'create', '--store', '--label', 'bench', '--scope', 'chat', ...limits]
      return secretIn(await runCommand(args, { folder, env }), /\bexai_[\w-]{43}\b/)
    }
    case 'token': {
      const args = [
        'token',
        'create',
        '--sub',
        'bench',
        '--tenant',
        'default',
        '--scope',
        'chat',
        '--ttl',
        '1h',
      ]
      return secretIn(await runCommand(args, { folder, env }), /\b[\w-]+\.[\w-]+\.[\w-]+/)
    }
    default:
      return name satisfies never
  }
}

function secretIn(output: string, form: RegExp): string {
  const [secret] = form.exec(output) ?? []
  if (secret === undefined) throw new Error('the run is invalid: a command showed no credential')
  return secret
}
