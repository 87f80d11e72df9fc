// Puts the whole configuration together from the environment and the files it names, or says everything that is wrong.
import { BlockList, isIP } from 'node:net'
import { basename, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { ConfigError } from './config-error.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { type ReadFile, whyUnreadable } from './read-file.ts'
import { digestOf, readSnapshot } from './reading.ts'
import type { SettingValues } from './settings.ts'
import { deepFreeze, type Snapshot } from './snapshot.ts'
import { type LogConfig, loggingOf, type TracingConfig, tracingOf } from './telemetry.ts'
import type { ConfigSource } from './watch.ts'
import { workersOf } from './workers.ts'

/** PEM texts of a server's identity. */
export interface TlsConfig {
  readonly cert: string
  readonly key: string
}

/** How tokens are checked: with the secret, the published keys, or both. */
export interface TokenConfig {
  readonly issuer: string
  readonly audience: string
  /** Of HS256, at least 32 bytes. */
  readonly secret?: string | undefined
  readonly jwksUrl?: string | undefined
}

/**
 * Who may come in. `loopback`: whoever names this machine by a loopback name. `open`: everybody, by the operator's wish.
 * `key`: whoever has an API key, or a token if those are configured. `token`: whoever has a token, or an API key.
 */
export type AuthConfig =
  | { readonly mode: 'loopback' }
  | { readonly mode: 'open' }
  | { readonly mode: 'key'; readonly tokens?: TokenConfig | undefined }
  | { readonly mode: 'token'; readonly tokens: TokenConfig }

/** Everything that is settled before anything starts. It never changes; what may change is in the Snapshot. */
export interface Config {
  readonly listen: {
    readonly host: string
    /** 0: any free one. */
    readonly port: number
    readonly tls?: TlsConfig | undefined
    /** Lower-case origins as browsers send them. */
    readonly corsOrigins: readonly string[]
  }
  readonly auth: AuthConfig
  /** Mixed into the hashes of API keys. Absent: made in DATA_DIR. */
  readonly keyPepper?: string | undefined
  /** Credential of the commands that call a running service. */
  readonly apiKey?: string | undefined
  /** All in milliseconds. */
  readonly timeouts: {
    readonly requestMs: number
    readonly connectMs: number
    readonly firstTokenMs: number
    readonly idleMs: number
    readonly drainDelayMs: number
    readonly drainTimeoutMs: number
    /** How much work calls of one burst may wait for. 0: calls are never refused for that. */
    readonly overloadDelayMs: number
  }
  readonly limits: {
    readonly maxRequestBytes: number
    readonly maxFileBytes: number
    /** Bytes of files that one tenant may store. Absent: no such limit. */
    readonly fileQuotaBytes: number | undefined
    /** How long a file is kept whose uploader does not say, in milliseconds. Absent: until it is deleted. */
    readonly fileTtlMs: number | undefined
    /** How long a conversation is kept after its last turn, in milliseconds. Absent: until it is deleted. */
    readonly conversationTtlMs: number | undefined
  }
  readonly metricsPublic: boolean
  /** Whether media may be fetched from addresses that are not public. */
  readonly allowPrivateUrls: boolean
  readonly logging: LogConfig
  /** Absent: no traces are sent. */
  readonly tracing?: TracingConfig | undefined
  /** Absolute. */
  readonly dataDir: string
  /** The project that gets a copy of everything. Absent: none. */
  readonly supabase?: { readonly url: string; readonly key: string } | undefined
  /** The Redis that replicas share, with its password. Absent: none. */
  readonly redisUrl?: string | undefined
  /** How many processes serve the port. */
  readonly workers: number
  /** The config file as it was read. Absent: none is named. */
  readonly file?: { /** Absolute. */ readonly path: string; readonly digest: string } | undefined
  readonly snapshot: Snapshot
  /** What is worth a warning at start, one line each. */
  readonly notices: readonly string[]
}

/** What the loading of the configuration needs. */
export interface ConfigDeps {
  readonly env: Environment
  readonly readFile: ReadFile
  /** Folder from which relative paths go out. */
  readonly cwd: string
}

/**
 * Loads the configuration. Nothing is required.
 * @throws ConfigError with every problem there is
 */
export async function loadConfig({ env, readFile, cwd }: ConfigDeps): Promise<Config> {
  const { values, problems: wrongValues, notices } = readEnvironment(env)
  const problems = [...wrongValues, ...authProblems(values), ...supabaseProblems(env)]
  const tls = readTls(values, { readFile, cwd, problems })
  const { EXAI_CONFIG: path } = values
  const text = path === undefined ? undefined : textOf('EXAI_CONFIG', path, { readFile, cwd, problems })
  const file = path === undefined || text === undefined ? undefined : { text, label: basename(path) }
  const reading = await readSnapshot({ env, values, file, version: 1 })
  if (!reading.ok) problems.push(...reading.problems)
  if (!reading.ok || problems.length > 0) throw new ConfigError(problems)
  const workers = workersOf(values.WORKERS, reading.snapshot, { readFile })
  return deepFreeze({
    listen: { host: values.HOST, port: values.PORT, tls, corsOrigins: values.CORS_ORIGINS ?? [] },
    auth: authOf(values),
    keyPepper: values.KEY_PEPPER,
    apiKey: values.EXAI_API_KEY,
    timeouts: {
      requestMs: values.REQUEST_TIMEOUT,
      connectMs: values.CONNECT_TIMEOUT,
      firstTokenMs: values.FIRST_TOKEN_TIMEOUT,
      idleMs: values.IDLE_TIMEOUT,
      drainDelayMs: values.DRAIN_DELAY,
      drainTimeoutMs: values.DRAIN_TIMEOUT,
      overloadDelayMs: values.OVERLOAD_DELAY,
    },
    limits: {
      maxRequestBytes: values.MAX_REQUEST_BYTES,
      maxFileBytes: values.MAX_FILE_BYTES,
      fileQuotaBytes: values.FILE_QUOTA_BYTES,
      fileTtlMs: values.FILE_TTL,
      conversationTtlMs: values.CONVERSATION_TTL,
    },
    metricsPublic: values.METRICS_PUBLIC,
    allowPrivateUrls: values.ALLOW_PRIVATE_URLS,
    logging: loggingOf(values, cwd),
    tracing: tracingOf(values),
    dataDir: resolve(cwd, values.DATA_DIR),
    supabase: supabaseOf(values),
    redisUrl: values.REDIS_URL,
    workers: workers.count,
    file:
      path === undefined || text === undefined
        ? undefined
        : { path: resolve(cwd, path), digest: digestOf(text) },
    snapshot: reading.snapshot,
    notices: [...notices, ...reading.notices, ...tokenNotices(env), ...workers.notices],
  })
}

/** The config file as a source of further Snapshots; undefined when none is named. The environment stays what it was. */
export function configSource({ file }: Config, env: Environment): ConfigSource | undefined {
  if (file === undefined) return undefined
  const { values } = readEnvironment(env)
  const label = basename(file.path)
  return {
    ...file,
    read: (text, version) => readSnapshot({ env, values, file: { text, label }, version }),
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Whether an address or host name (without port and brackets) always means this machine. */
export function isLoopback(host: string): boolean {
  const version = isIP(host)
  if (version === 0) return host.toLowerCase() === 'localhost'
  return loopback.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

const secretBytesMin = 32
const pepperBytesMin = 16

function authOf(values: SettingValues): AuthConfig {
  const { JWT_SECRET: secret, JWT_JWKS_URL: jwksUrl } = values
  const tokens =
    secret === undefined && jwksUrl === undefined
      ? undefined
      : { issuer: values.JWT_ISSUER, audience: values.JWT_AUDIENCE, secret, jwksUrl }
  if (values.EXAI_AUTH === 'key') return { mode: 'key', tokens }
  if (tokens !== undefined) return { mode: 'token', tokens }
  return { mode: values.EXAI_AUTH === 'none' ? 'open' : 'loopback' }
}

/** Whoever asks for authentication must not get a service that runs without it. */
function authProblems(values: SettingValues): readonly string[] {
  const problems: string[] = []
  const tokenSettings = (['JWT_SECRET', 'JWT_JWKS_URL'] as const).filter(name => values[name] !== undefined)
  if (values.EXAI_AUTH === 'none' && tokenSettings.length > 0)
    problems.push(
      `EXAI_AUTH=none lets everybody in, and ${tokenSettings.join(' and ')} would not be asked for: remove one or the other`,
    )
  if (values.JWT_SECRET !== undefined && Buffer.byteLength(values.JWT_SECRET) < secretBytesMin)
    problems.push(
      `JWT_SECRET must have at least ${secretBytesMin} bytes: make one with openssl rand -base64 32`,
    )
  if (values.KEY_PEPPER !== undefined && Buffer.byteLength(values.KEY_PEPPER) < pepperBytesMin)
    problems.push(
      `KEY_PEPPER must have at least ${pepperBytesMin} bytes: make one with openssl rand -base64 32`,
    )
  if (values.EXAI_AUTH === 'key' && values.SUPABASE_URL !== undefined && values.KEY_PEPPER === undefined)
    problems.push(
      'KEY_PEPPER is missing: with SUPABASE_URL every replica must check API keys with the same one; make it with ' +
        'openssl rand -base64 32',
    )
  if (authOf(values).mode === 'loopback' && !isLoopback(values.HOST))
    problems.push(
      'HOST is not a loopback address, and nobody would be asked who they are: remove it to listen on 127.0.0.1, ' +
        'or set EXAI_AUTH=key to ask for API keys of this service, JWT_SECRET or JWT_JWKS_URL to ask for tokens, ' +
        'or EXAI_AUTH=none to let everybody who reaches the port in',
    )
  return problems
}

/** What tokens must say has no effect where none are accepted. */
function tokenNotices(env: Environment): readonly string[] {
  const isSet = (name: string): boolean => (env[name]?.trim() ?? '') !== ''
  if (isSet('JWT_SECRET') || isSet('JWT_JWKS_URL')) return []
  return ['JWT_ISSUER', 'JWT_AUDIENCE']
    .filter(isSet)
    .map(name => `${name} has no effect without JWT_SECRET or JWT_JWKS_URL`)
}

function supabaseOf({ SUPABASE_URL: url, SUPABASE_KEY: key }: SettingValues): Config['supabase'] {
  return url === undefined || key === undefined ? undefined : { url, key }
}

/** Half of it would keep no copy without a word. */
function supabaseProblems(env: Environment): readonly string[] {
  const [missing, other] = (['SUPABASE_URL', 'SUPABASE_KEY'] as const).filter(
    name => (env[name]?.trim() ?? '') === '',
  )
  if (missing === undefined || other !== undefined) return []
  return [`${missing} is missing: SUPABASE_URL and SUPABASE_KEY go together, set both or none`]
}

/** What of the settings for access must never be shown. */
export function accessSecretsOf({ auth, keyPepper, apiKey }: Config): readonly string[] {
  const secret = auth.mode === 'key' || auth.mode === 'token' ? auth.tokens?.secret : undefined
  return [secret, keyPepper, apiKey].filter(text => text !== undefined)
}

/** What of the stores' settings must never be shown. */
export function storeSecretsOf({ supabase, redisUrl }: Config): readonly string[] {
  const password = redisUrl === undefined ? '' : new URL(redisUrl).password
  const texts = [supabase?.key ?? '', redisUrl ?? '', password, decodeURIComponent(password)]
  return texts.filter(text => text !== '')
}

interface Reading extends Omit<ConfigDeps, 'env'> {
  /** Takes what is wrong. */
  readonly problems: string[]
}

function readTls(values: SettingValues, reading: Reading): TlsConfig | undefined {
  const { TLS_CERT: certPath, TLS_KEY: keyPath } = values
  if (certPath === undefined && keyPath === undefined) return undefined
  if (certPath === undefined || keyPath === undefined) {
    const [present, absent] = certPath === undefined ? ['TLS_KEY', 'TLS_CERT'] : ['TLS_CERT', 'TLS_KEY']
    reading.problems.push(`${present} is set without ${absent}: set both, or none for clear text`)
    return undefined
  }
  const cert = textOf('TLS_CERT', certPath, reading)
  const key = textOf('TLS_KEY', keyPath, reading)
  if (cert === undefined || key === undefined) return undefined
  try {
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (error) {
    const why = whyUnreadable(error)
    reading.problems.push(
      `TLS_CERT and TLS_KEY are no PEM certificate and its private key (${why}): check both files`,
    )
    return undefined
  }
}

function textOf(name: string, path: string, { readFile, cwd, problems }: Reading): string | undefined {
  try {
    return readFile(resolve(cwd, path))
  } catch (error) {
    problems.push(`${name} names a file that cannot be read (${whyUnreadable(error)}): correct the path`)
    return undefined
  }
}
