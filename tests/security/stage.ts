// What attacks are played on: a gateway that asks for credentials, one that serves this machine alone, and what stands around.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Service, startService } from '../support/running-server.ts'
import { startSupabase } from '../support/supabase-rig.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import { claims, hmac, jwkOf, makePairs, type Pair, privately, tokenOf } from './credentials.ts'
import { createHearing, type Hearing, type Secret } from './heard.ts'
import { type Keyring, makeKeyring } from './keyring.ts'
import { createWire, type Field, type Wire } from './wire.ts'

/** A gateway under attack. */
export interface Target {
  readonly name: 'guarded' | 'open'
  readonly service: Service
  readonly wire: Wire
  /** The credential of an honest caller with the scopes chat, files and monitoring; none where nobody asks. */
  readonly pass: readonly Field[]
  /** Where it keeps its data. */
  readonly dataDir: string
}

/** Everything an attack may need. */
export interface Stage {
  /** Asks for API keys and tokens of both kinds. */
  readonly guarded: Target
  /** Asks for nothing, and serves names of this machine alone. */
  readonly open: Target
  readonly jwtSecret: string
  readonly pairs: Readonly<Record<'rsa' | 'ec' | 'ed', Pair>>
  readonly keys: Keyring
  readonly openai: Upstream
  readonly kimi: Upstream
  /** A listener on this machine that nobody may be led to. */
  readonly trap: Trap
  readonly hearing: Hearing
  /** Keeps in mind a text that must not be heard. */
  hide(secret: Secret): void
  readonly secrets: readonly Secret[]
  /** What the project has of keys and of what was done to them, as text; nothing where there is no project. */
  rows(): Promise<readonly Kept[]>
  /** A text that is nowhere else: for prompts and files, which belong in no log. */
  canary(): string
  stop(): Promise<void>
}

/** Something that was kept, as text. */
export interface Kept {
  readonly name: string
  readonly text: string
}

/** A listener that counts who comes. */
export interface Trap {
  readonly port: number
  /** What was said to it, one text a connection. */
  readonly visits: readonly string[]
}

/** The page that may call the guarded gateway from a browser. */
export const ALLOWED_ORIGIN = 'https://app.example.org'
/** The name under which honest callers know their model; it is from the config file. */
export const HONEST_MODEL = 'honest'

const CONFIG = `aliases:\n  ${HONEST_MODEL}: openai/test-model\n`

/** What a stage is set up with. */
export interface StageOptions {
  /** Whether the guarded gateway keeps a copy of everything in a Supabase project: real Postgres, and PostgREST in front of it. */
  readonly hasProject?: boolean
}

/** Starts everything. The caller stops it. */
export async function openStage({ hasProject = false }: StageOptions = {}): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const random = (name: string): string => `${name}-${randomBytes(24).toString('base64url')}`
  const hearing = createHearing()
  const secrets: Secret[] = []
  const hide = (secret: Secret): void => void secrets.push(secret)
  const canary = (): string => {
    const text = `canary${randomBytes(9).toString('hex')}`
    hide({
      name: 'a prompt or a file',
      text,
      surfaces: ['log', 'metrics', 'error', 'process'],
      isPlainOnly: true,
    })
    return text
  }
  const jwtSecret = random('jwt-secret')
  const pepper = random('pepper')
  const providerKeys = { openai: random('sk-openai'), kimi: random('sk-kimi') }
  hide({ name: 'JWT_SECRET', text: jwtSecret })
  hide({ name: 'KEY_PEPPER', text: pepper })
  for (const [id, text] of Object.entries(providerKeys)) hide({ name: `the key of ${id}`, text })

  const pairs = makePairs()
  const keySet = await startKeySet(Object.values(pairs), stack)
  const trap = await startTrap(stack)
  const openai = await startUpstream({ apiKeys: [providerKeys.openai] })
  stack.defer(() => openai.close())
  const kimi = await startKimi({ apiKeys: [providerKeys.kimi] })
  stack.defer(() => kimi.close())

  const start = async (name: Target['name'], env: Readonly<Record<string, string>>) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'exai-attack-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    const service = await startService(
      {
        LOG_LEVEL: 'trace',
        DATA_DIR: dataDir,
        OPENAI_API_KEY: providerKeys.openai,
        OPENAI_BASE_URL: openai.url,
        KIMI_API_KEY: providerKeys.kimi,
        KIMI_BASE_URL: kimi.url,
        EXAI_CONFIG: 'exai.yaml',
        ...env,
      },
      { files: { 'exai.yaml': CONFIG }, isCovered: false },
    )
    stack.defer(async () => void (await service.stop()))
    return { name, service, dataDir, wire: createWire(service.port, hearing) } as const
  }
  const open = { ...(await start('open', {})), pass: [] }
  const project = hasProject ? await startSupabase() : undefined
  stack.defer(() => project?.stop())
  if (project !== undefined) hide({ name: 'SUPABASE_KEY', text: project.key })
  const asking = await start('guarded', {
    ...(project === undefined ? {} : { SUPABASE_URL: project.url, SUPABASE_KEY: project.key }),
    EXAI_AUTH: 'key',
    JWT_SECRET: jwtSecret,
    JWT_JWKS_URL: keySet,
    KEY_PEPPER: pepper,
    CORS_ORIGINS: ALLOWED_ORIGIN,
  })
  const keys = await makeKeyring(asking.service, hide)
  const opened = stack.move()
  return {
    open,
    guarded: { ...asking, pass: [['authorization', `Bearer ${keys.chat.secret}`]] },
    jwtSecret,
    pairs,
    keys,
    openai,
    kimi,
    trap,
    hearing,
    hide,
    secrets,
    canary,
    rows: async () => {
      const tables = project === undefined ? [] : ['api_keys', 'audit_log']
      const rows = tables.map(async name => ({
        name,
        text: JSON.stringify(await project?.sql(`select * from ${name}`)),
      }))
      return Promise.all(rows)
    },
    stop: () => opened.disposeAsync(),
  }
}

/** A token that is accepted, signed with the secret or by one of the pairs; `over` changes its claims. */
export function goodToken(
  { jwtSecret, pairs, hide }: Pick<Stage, 'jwtSecret' | 'pairs' | 'hide'>,
  by: 'secret' | 'rsa' | 'ec' | 'ed' = 'secret',
  over: Readonly<Record<string, unknown>> = {},
): string {
  const pair = by === 'secret' ? undefined : pairs[by]
  const token =
    pair === undefined
      ? tokenOf({ alg: 'HS256', typ: 'JWT' }, claims(over), hmac(jwtSecret))
      : tokenOf({ alg: pair.alg, kid: pair.kid }, claims(over), privately(pair.privateKey))
  hide({ name: 'a good token', text: token, isPlainOnly: true })
  return token
}

/** Everything that lies in a folder, one character a byte. */
export async function contentsOf(folder: string): Promise<readonly Kept[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return Promise.all(
    entries
      .filter(entry => entry.isFile())
      .map(async entry => ({
        name: entry.name,
        text: (await readFile(join(entry.parentPath, entry.name))).toString('latin1'),
      })),
  )
}

async function startKeySet(pairs: readonly Pair[], stack: AsyncDisposableStack): Promise<string> {
  const body = JSON.stringify({ keys: pairs.map(jwkOf) })
  const server = createHttpServer((_, response) => {
    response.setHeader('content-type', 'application/jwk-set+json')
    response.end(body)
  })
  return `http://127.0.0.1:${await portOf(server, stack)}/keys`
}

async function startTrap(stack: AsyncDisposableStack): Promise<Trap> {
  const visits: string[] = []
  const server = createServer(socket => {
    const index = visits.push('') - 1
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      visits[index] += text
    })
    socket.on('error', () => {
      // Whoever comes may go as it likes: it is here that counts.
    })
    socket.end('HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 4\r\n\r\ntrap')
  })
  return { port: await portOf(server, stack), visits }
}

async function portOf(server: Server, stack: AsyncDisposableStack): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(async () => {
    server.close()
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port // Listening on TCP: never a path.
}
