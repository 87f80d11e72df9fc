// A worker: it gets the configuration and everything that is shared from its owner, serves the port, and ends when the owner says so.
import { Socket } from 'node:net'
import { ConfigError } from '../config/config-error.ts'
import { configSecretsOf } from '../config/secrets.ts'
import { deepFreeze, secretsOf } from '../config/snapshot.ts'
import { systemClock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { keepYoung } from '../core/young-heap.ts'
import { startGateway } from '../gateway.ts'
import { type Channel, createChannel } from '../stores/workers/channel.ts'
import { createWorkersShared, type WorkersShared } from '../stores/workers/shared.ts'
import { createLogger, type LogFilesSink, type Logger } from '../telemetry/logger.ts'
import { CHANNEL_FD } from './child.ts'
import {
  asking,
  handlersOf,
  type OwnerAnswers,
  PULSE,
  type Start,
  type StartFault,
  type WorkerAnswers,
} from './words.ts'
import { createWorkerOwner, type WorkerOwner } from './worker-owner.ts'

const EXIT = { ok: 0, failed: 1 } as const
/** What the last words to the owner get to leave, in milliseconds. */
const FAREWELL_MS = 100

/** Runs as a worker until the owner ends it, or is gone. */
export async function runWorker(version: string): Promise<undefined> {
  // They are for the owner, who ends its workers itself; a terminal sends them to all.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true })
  let log: Logger | undefined
  let worker: WorkerOwner | undefined
  const onFault = (err: unknown): void => log?.error('the shared state failed', { err })
  const shared: WorkersShared = createWorkersShared({ channel: () => channel, onFault })
  const channel: Channel = createChannel({
    socket,
    offer: { handlers: { ...shared.handlers, ...lateHandlers(() => worker), [PULSE]: () => true } },
    onFault,
  })
  const owner = asking<OwnerAnswers>(channel)
  // Nobody is left to keep what calls do.
  void channel.closed.then(() => process.exit(EXIT.failed))
  const start = frozen(await owner.ask('start', { pid: process.pid }))
  const lines = linesTo(line => owner.tell('log', line))
  log = logOf(start, version, lines)
  const own = log
  process.on('uncaughtException', err => {
    own.error('uncaught exception, the process ends', { err })
    process.exit(EXIT.failed)
  })
  worker = createWorkerOwner({
    owner,
    channel,
    shared,
    start,
    log: own,
    onEnd: lines.flush,
    onTake: one => own.hide(secretsOf(one)),
  })
  try {
    const gateway = await startGateway({
      config: start.config,
      log: own,
      clock: systemClock,
      version,
      announce: () => undefined,
      owner: worker.owner,
    })
    worker.started(gateway)
    await owner.ask('listening', gateway.at)
    keepYoung()
  } catch (err) {
    owner.tell('failed', faultOf(err))
    setTimeout(() => process.exit(EXIT.failed), FAREWELL_MS)
  }
  return undefined
}

/** Every question of the owner: one that is left out does not compile. */
const ANSWERED: Readonly<Record<keyof WorkerAnswers, true>> = {
  look: true,
  told: true,
  redis: true,
  take: true,
  level: true,
  show: true,
  tell: true,
  find: true,
  values: true,
  turn: true,
  drain: true,
  abort: true,
  kept: true,
}

/** What the owner asks is answered by what is there by then. */
function lateHandlers(worker: () => WorkerOwner | undefined) {
  const late = (name: string) => (input: unknown) => {
    const answers = worker()?.answers
    if (answers === undefined) throw new GatewayError('INTERNAL', 'the worker has not begun')
    const handlers = handlersOf(answers)
    return handlers[name]?.(input as never)
  }
  return Object.fromEntries(Object.keys(ANSWERED).map(name => [name, late(name)] as const))
}

function frozen(start: Start): Start {
  return { ...start, config: deepFreeze(start.config) }
}

/** Where the lines go that the owner writes into the files of the log. */
interface Lines extends LogFilesSink {
  /** Sends what still waits for more lines. */
  flush(): void
}

function linesTo(say: (line: Parameters<OwnerAnswers['log']>[0]) => void): Lines {
  let feed = (): void => undefined
  return {
    write: (text, channel, isError) => say([text, channel, isError]),
    feeds(from) {
      feed = from
    },
    flush: () => feed(),
  }
}

function logOf({ config, slot, level }: Start, version: string, lines: LogFilesSink): Logger {
  return createLogger({
    level: level ?? config.snapshot.logLevel ?? config.logging.level,
    version,
    secrets: configSecretsOf(config),
    sampleRatio: config.logging.sampleRatio,
    files: config.logging.files === undefined ? undefined : lines,
  }).child({ worker: slot })
}

function faultOf(err: unknown): StartFault {
  if (err instanceof ConfigError) return { problems: err.problems, message: err.message }
  const { message } = GatewayError.from(err)
  const isOfNode = err instanceof Error && !(err instanceof GatewayError) && 'code' in err
  const code = isOfNode ? String(err.code) : undefined
  return { problems: [], message: err instanceof Error ? err.message : message, code }
}
