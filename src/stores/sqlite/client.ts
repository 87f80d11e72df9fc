// The service's end of the worker: asks, bounds what waits, and starts the worker again when it dies.
import { Worker } from 'node:worker_threads'
import { GatewayError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { createSlots } from '../../core/slots.ts'
import type { CommitInput } from './commit.ts'
import { errorOf } from './faults.ts'
import { createGathering } from './gathering.ts'
import type { InputOf, OperationName, OutputOf } from './operations.ts'
import type { Answer, FromWorker, ToWorker, WorkerSettings } from './protocol.ts'

/** The most questions that wait at once; settlements are let in beyond it, because they are already spent. */
const WAITING_MAX = 4_096
/** The most settlements that wait at once: what no disk can swallow any more. */
const WAITING_COMMITS_MAX = 65_536
/** How long after a death the worker is started again, in milliseconds. */
const RESTART_MS = 100

/** Asks the worker. */
export interface Client {
  /** Throws what the operation throws, OVERLOADED when too much waits, and INTERNAL when the worker dies before it answers. */
  ask<Name extends OperationName>(name: Name, input: InputOf<Name>): Promise<OutputOf<Name>>
  /** Keeps a settlement: at once when none came lately, else with others of the same few milliseconds. Fails as `ask` does. */
  commit(input: CommitInput): Promise<void>
  /** How many questions wait. */
  waiting(): number
  /** Whether there is a worker that can be asked. */
  isOpen(): boolean
  /** Lets the worker finish what it was asked, and ends it. Later questions fail. */
  close(): Promise<void>
}

interface Waiting {
  resolve(output: unknown): void
  reject(error: GatewayError): void
}

type State =
  | { readonly type: 'open'; readonly worker: Worker }
  /** It died and will be started again. */
  | { readonly type: 'down'; readonly timer: NodeJS.Timeout }
  | { readonly type: 'closed' }

/** Makes the thread that owns the database. */
export type Spawn = (settings: WorkerSettings) => Worker

/** Starts the worker. Resolves when the database is open; throws why it can't be opened. */
export async function createClient(
  settings: WorkerSettings,
  log: Log,
  spawn: Spawn = spawnWorker,
): Promise<Client> {
  let waiting = createSlots<Waiting>()
  let state: State = { type: 'open', worker: await opened(spawn(settings)) }
  const gathering = createGathering(bundle => {
    if (state.type === 'open') state.worker.postMessage(bundle satisfies ToWorker)
  })
  attend(state.worker)

  function attend(worker: Worker): void {
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'done') for (const id of message.ids) waiting.take(id)?.resolve(undefined)
      else if (message.type === 'answers') for (const answer of message.answers) settle(answer)
    })
    let cause: unknown
    worker.on('error', error => {
      cause = error
    })
    worker.on('exit', code => {
      failAll(
        new GatewayError('INTERNAL', 'the store failed', {
          cause: cause ?? new Error(`its worker ended with ${code}`),
        }),
      )
      if (state.type === 'closed') return
      log.error('the store has died and is started again', { err: cause, code })
      state = { type: 'down', timer: setTimeout(restart, RESTART_MS) }
    })
  }

  function restart(): void {
    opened(spawn(settings)).then(
      worker => {
        if (state.type === 'closed') return void worker.terminate()
        state = { type: 'open', worker }
        attend(worker)
        log.info('the store is open again')
      },
      (err: unknown) => {
        log.error('the store cannot be opened again', { err })
        if (state.type !== 'closed') state = { type: 'down', timer: setTimeout(restart, RESTART_MS * 10) }
      },
    )
  }

  function settle(answer: Answer): void {
    const one = waiting.take(answer.id)
    if ('fault' in answer) one?.reject(errorOf(answer.fault))
    else one?.resolve(answer.output)
  }

  function failAll(error: GatewayError): void {
    const all = waiting
    waiting = createSlots()
    gathering.clear()
    for (const one of all.all()) one.reject(error)
  }

  /** The worker that can be asked now; throws what the question fails with when none can, or too many wait. */
  function asked(most: number): Worker {
    if (state.type !== 'open') throw new GatewayError('INTERNAL', 'the store is not open')
    if (waiting.size() < most) return state.worker
    throw new GatewayError('OVERLOADED', 'too much waits for the store: try again later', {
      retryDelayMs: 1_000,
    })
  }

  return {
    async ask(name, input) {
      const worker = asked(WAITING_MAX)
      const output = await new Promise<unknown>((resolve, reject) => {
        const id = waiting.add({ resolve, reject })
        try {
          worker.postMessage({ id, name, input } satisfies ToWorker)
        } catch (error) {
          waiting.take(id)
          throw error
        }
      })
      // The worker runs the operation of that name, so it is what that one gives.
      return output as OutputOf<typeof name>
    },
    commit(input) {
      return new Promise((resolve, reject) => {
        asked(WAITING_COMMITS_MAX)
        gathering.add(waiting.add({ resolve: () => resolve(), reject }), input)
      })
    },
    waiting: () => waiting.size(),
    isOpen: () => state.type === 'open',
    async close() {
      gathering.flush()
      const before = state
      state = { type: 'closed' }
      if (before.type === 'down') clearTimeout(before.timer)
      if (before.type !== 'open') return
      const ended = new Promise(resolve => before.worker.once('exit', resolve))
      before.worker.postMessage('close' satisfies ToWorker)
      await ended
    },
  }
}

/** The worker of this folder. */
export function spawnWorker(settings: WorkerSettings): Worker {
  // Emitted code runs as JavaScript: rewritten are import specifiers, and this is none.
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
  return new Worker(new URL(file, import.meta.url), { workerData: settings, execArgv: [] })
}

/** The worker, once its database is open. */
async function opened(worker: Worker): Promise<Worker> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const heard = (message: FromWorker): void => {
    if (message.type === 'refused') reject(errorOf(message.fault))
    else resolve()
  }
  const failed = (cause: unknown): void => reject(new GatewayError('INTERNAL', 'the store failed', { cause }))
  const ended = (code: number): void => failed(new Error(`its worker ended with ${code}`))
  worker.on('message', heard).on('error', failed).on('exit', ended)
  try {
    await promise
  } finally {
    worker.off('message', heard).off('error', failed).off('exit', ended)
  }
  return worker
}
