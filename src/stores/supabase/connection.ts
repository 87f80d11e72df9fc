// The connection to one Supabase project: supabase-js on sockets, time-outs and aborts of our own, and no retries but ours.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { SupabaseClient } from '@supabase/supabase-js'
import type { Agent } from 'undici'
import { GatewayError } from '../../core/errors.ts'
import { createReadCircuit, type ReadCircuit } from './read-circuit.ts'

/** How a project is reached. */
export interface SupabaseSettings {
  /** Address of the project, `SUPABASE_URL`: http or https. */
  readonly url: string
  /** Secret key of the service, `SUPABASE_KEY`: it may do everything there, so it never leaves this process otherwise. */
  readonly key: string
  /** How long connecting may take, in milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number
  /** How long an answer of the database may take, in milliseconds. Default 10000. */
  readonly answerTimeoutMs?: number
  /** How long an upload or a download may stand still, in milliseconds. Default 30000. */
  readonly idleTimeoutMs?: number
  /** Most sockets at once; further requests wait. Default 16. */
  readonly maxSockets?: number
}

/** A connected project. */
export interface SupabaseConnection {
  readonly client: SupabaseClient
  readonly idleTimeoutMs: number
  /** Runs requests of the client under a signal and, when given, a time-out in milliseconds for all of them; see `Ran`. */
  run<Value>(work: () => PromiseLike<Value>, limits: RunLimits): Promise<Ran<Value>>
  /** The limits of a request to the database. */
  readonly answerTimeoutMs: number
  /** Whether questions to the database are answered; see `readRows`. What is sent has a back-off of its own. */
  readonly reads: ReadCircuit
  /** Open sockets, idle ones included. */
  openSockets(): number
  /** Closes all sockets at once, those of running requests too. */
  close(): Promise<void>
}

/** What ends a request before its answer. */
export interface RunLimits {
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

/** What the client gave, and the status of the last HTTP answer; 0 when there was none. */
export interface Ran<Value> {
  readonly value: Value
  readonly status: number
}

interface Scope {
  readonly signal: AbortSignal
  status: number
}

const CONNECT_MS = 5000
const ANSWER_MS = 10_000
const IDLE_MS = 30_000
const SOCKETS_MAX = 16
const KEEP_ALIVE_MS = 30_000

/**
 * Loads the libraries and makes the client; nothing is asked yet. Throws INVALID_REQUEST for an address that cannot be one.
 */
export async function connectSupabase(settings: SupabaseSettings): Promise<SupabaseConnection> {
  const url = parsed(settings.url)
  const [{ createClient }, { default: undici }] = await Promise.all([
    import('@supabase/supabase-js'),
    // Its default is what every kind of module loader finds in CommonJS, a bundle's too.
    import('undici'),
  ])
  const idleTimeoutMs = settings.idleTimeoutMs ?? IDLE_MS
  const agent: Agent = new undici.Agent({
    connections: settings.maxSockets ?? SOCKETS_MAX,
    // One request per socket: an abort closes it, and no other one waits behind a large upload.
    allowH2: false,
    pipelining: 1,
    connect: { timeout: settings.connectTimeoutMs ?? CONNECT_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Aborts end what takes too long, to the millisecond; undici's own timers tick about once a second.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const scopes = new AsyncLocalStorage<Scope>()

  // The storage part of supabase-js takes neither a signal nor a time-out, so both come in here, by the way that it is called.
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const scope = scopes.getStore()
    // The same standard, declared twice: by undici and by Node's types.
    const undiciInit = { ...init, dispatcher: agent, ...(scope && { signal: scope.signal }) } as object
    const response = await undici.fetch(input as string, undiciInit)
    if (scope !== undefined) scope.status = response.status
    return response as unknown as Response // As above.
  }

  const client = createClient(url, settings.key, {
    // Given as a function, the key is not looked for in a session first: a third less work for each request.
    accessToken: async () => settings.key,
    // It would repeat reads behind our back, for seven seconds.
    db: { retry: false },
    global: { fetch },
  })

  async function run<Value>(
    work: () => PromiseLike<Value>,
    { signal, timeoutMs }: RunLimits,
  ): Promise<Ran<Value>> {
    const ends = timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const scope: Scope = { signal: ends, status: 0 }
    const value = await scopes.run(scope, async () => await work())
    return { value, status: scope.status }
  }

  const answerTimeoutMs = settings.answerTimeoutMs ?? ANSWER_MS
  const reads = createReadCircuit({
    async probe(signal) {
      const ask = () => client.from('conversations').select('id').limit(1)
      const { value } = await run(ask, { signal, timeoutMs: answerTimeoutMs })
      return isAnswer(value.status)
    },
  })

  return {
    client,
    idleTimeoutMs,
    answerTimeoutMs,
    run,
    reads,
    openSockets: () => Object.values(agent.stats).reduce((sum, { connected }) => sum + Number(connected), 0),
    close() {
      reads.close()
      return agent.destroy()
    },
  }
}

/** Whether somebody has answered: a gateway whose database is away says 5xx, and without any answer the status is 0. */
export function isAnswer(status: number): boolean {
  return status >= 100 && status < 500
}

// The address is not repeated in the message: it may hold a password.
function parsed(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '')
    return url.href.replace(/\/+$/, '')
  throw new GatewayError('INVALID_REQUEST', 'SUPABASE_URL must be an http or https address without user name')
}
