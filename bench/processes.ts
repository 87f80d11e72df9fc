// Starts the processes of a run, each on its core and with a clean environment, and ends them.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openHttp1 } from './http1-client.ts'
import { checkAnswer, http1Bytes, type Protocol, requestOf, type WireRequest } from './wire.ts'

/** The repository's root folder. */
export const root = join(import.meta.dirname, '..')

/** How to start a process. */
export type ChildOptions = {
  /** The program, from the root. One that does not end in `.ts` or `.js` is run as it is, instead of by Node. */
  readonly file: string
  readonly args?: readonly string[]
  /** Arguments for Node itself. */
  readonly nodeArgs?: readonly string[]
  /** The core that it is pinned to, or several such as `0,1`. */
  readonly core?: number | string | undefined
  readonly env?: Readonly<Record<string, string>>
  /** Where it runs; a `.env` there would be read. */
  readonly cwd?: string
  /** Path of a file for its output; without one stdout is dropped and stderr is ours. */
  readonly log?: string
}

/** Starts a process. It has an IPC channel, so it can tell that we are gone. */
export function startChild(options: ChildOptions): ChildProcess {
  const { file, args = [], nodeArgs = [], core, env = {}, cwd = root, log } = options
  const node = /\.[jt]s$/.test(file) ? [process.execPath, ...nodeArgs] : []
  const command = [...node, resolve(root, file), ...args]
  const [program = '', ...rest] = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const out = log === undefined ? undefined : openSync(log, 'a')
  return spawn(program, rest, {
    cwd,
    env: { ...inherited(), ...env },
    stdio: ['ignore', out ?? 'ignore', out ?? 'inherit', 'ipc'],
  })
}

/** The next IPC message of a process, which is trusted to be of this form: both ends are ours. */
export function answerOf<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('a process of the run ended before it answered'))
    child.once('exit', ended)
    child.once('message', message => {
      child.off('exit', ended)
      resolve(message as Message)
    })
  })
}

/** Asks a process to end and waits until it has; one that takes more than 10 s is killed. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await exited
  clearTimeout(timer)
}

/** A server under test. */
export type Server = {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  /** From the start of the process to its first ready answer, in milliseconds. */
  readonly readyMs: number
  /** From the start of the process to its first chat answer, in milliseconds. */
  readonly firstAnswerMs: number
}

/** What a server under test is started with. */
export type ServerOptions = {
  readonly upstreamPort: number
  readonly core: number | undefined
  /** A folder for its data and its log. */
  readonly folder: string
  readonly nodeArgs?: readonly string[]
  /** More settings of the gateway. */
  readonly env?: Readonly<Record<string, string>>
  /** An API key or a token, which the first call shows. */
  readonly credential?: string | undefined
  /** The program. Absent: src/main.ts. */
  readonly file?: string | undefined
}

/** Starts the gateway as a user does, with its log at the default level going to a file. */
export function startGateway(options: ServerOptions): Promise<Server> {
  const { upstreamPort, core, folder, nodeArgs = [], env = {}, credential, file = 'src/main.ts' } = options
  const child = (port: number): ChildOptions => ({
    file,
    nodeArgs,
    core,
    cwd: folder,
    log: join(folder, 'exai.log'),
    env: {
      OPENAI_API_KEY: 'sk-bench-00000000000000000000',
      OPENAI_BASE_URL: `http://127.0.0.1:${upstreamPort}/v1`,
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: join(folder, 'data'),
      // CPU is measured for one process on one core.
      WORKERS: '1',
      ...env,
    },
  })
  return startServer(child, { ready: HEALTH, request: { ...requestOf('connect', 'unary'), credential } })
}

/** Runs a command of the gateway in a folder to its end, and gives what it wrote. Rejects when it fails. */
export async function runCommand(
  args: readonly string[],
  { folder, env }: Pick<ServerOptions, 'folder'> & Required<Pick<ServerOptions, 'env'>>,
): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'src/main.ts'), ...args], {
    cwd: folder,
    env: { ...inherited(), DATA_DIR: join(folder, 'data'), ...env },
  })
  return stdout
}

/** Starts the floor. */
export function startFloor({ upstreamPort, core, folder }: ServerOptions): Promise<Server> {
  const child = (port: number): ChildOptions => ({
    file: 'bench/floor.ts',
    args: [String(port), `http://127.0.0.1:${upstreamPort}`],
    core,
    cwd: folder,
  })
  return startServer(child, { ready: HEALTH, request: requestOf('connect', 'unary') })
}

/** How a server that was just started is asked. */
export type FirstAsked = {
  /** A path that has status 200 when the server is ready. */
  readonly ready: string
  /** A unary call. */
  readonly request: WireRequest
  readonly protocol?: Protocol
  /** How long both may take, in milliseconds. */
  readonly startMsMax?: number
}

const HEALTH = '/health/ready'
const START_MS_MAX = 30_000
const RETRY_MS = 2
const LOG_CHARS = 2000

/** Starts a server on a free port, and waits for its first chat answer, which is checked. */
export async function startServer(
  options: (port: number) => ChildOptions,
  { ready, request, protocol = 'connect', startMsMax = START_MS_MAX }: FirstAsked,
): Promise<Server> {
  const port = await freePort()
  const startedMs = performance.now()
  const { log, ...how } = options(port)
  const child = startChild(log === undefined ? how : { ...how, log })
  const asked = Buffer.from(`GET ${ready} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
  try {
    await until(child, startedMs + startMsMax, async () => {
      const client = await openHttp1(port)
      const { status } = await client.call(asked).finally(client.close)
      if (status !== 200) throw new Error(`not ready: ${status}`)
    })
    const readyMs = performance.now() - startedMs
    const client = await openHttp1(port)
    const answer = await client.call(http1Bytes(request)).finally(client.close)
    checkAnswer(protocol, 'unary', answer, true)
    return { child, pid: child.pid ?? 0, port, readyMs, firstAnswerMs: performance.now() - startedMs }
  } catch (cause) {
    await stopChild(child)
    const said = log === undefined ? '' : readFileSync(log, 'utf8').slice(-LOG_CHARS)
    throw new Error(`${how.file} did not answer its first call; it said: ${said}`, { cause })
  }
}

async function until(child: ChildProcess, endMs: number, run: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await run()
    } catch (cause) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`, { cause })
      if (performance.now() > endMs) throw new Error('the server does not start', { cause })
      await sleep(RETRY_MS)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A listening TCP server has an address of this form.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

// Keys and settings of whoever runs this must not reach the servers.
function inherited(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'NODE_V8_COVERAGE']
  return Object.fromEntries(
    names.map(name => [name, process.env[name]]).filter(([, value]) => value !== undefined),
  )
}
