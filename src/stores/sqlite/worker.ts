// The thread that owns the database: everything synchronous happens here, so that the event loop of the service never waits for a disk.
import { parentPort, workerData } from 'node:worker_threads'
import { commitSettlement } from './commit.ts'
import { createCommitter } from './committer.ts'
import { type Connections, openConnections, openReads } from './connections.ts'
import { faultOf } from './faults.ts'
import { type OperationName, reads, writes } from './operations.ts'
import type { Answer, FromWorker, Question, ToWorker, WorkerSettings } from './protocol.ts'
import { sendsAll, sendsNothing, useOutbox } from './sending.ts'

// Written by client.ts only.
const settings = workerData as WorkerSettings
const port = parentPort
if (port === null) throw new Error('this file is a worker: open the store instead')
const say = (message: FromWorker): void => port.postMessage(message)

type Operation = (context: object, input: unknown) => unknown
const named = (table: object, name: OperationName): Operation | undefined =>
  // Questions are typed where they are asked; here they are only passed on.
  Object.hasOwn(table, name) ? (table as Record<OperationName, Operation>)[name] : undefined

try {
  serve(settings.readOnly ? readOnly() : readWrite())
} catch (error) {
  say({ type: 'refused', fault: faultOf(error) })
  port.close()
}

function readWrite(): Connections {
  const connections = openConnections(settings)
  useOutbox(connections.writes, settings.outbox, Date.now())
  return connections
}

function readOnly(): Connections {
  const db = openReads(settings)
  return { writes: db, reads: db, close: db.close }
}

function serve(connections: Connections): void {
  const sending = settings.outbox ? sendsAll : sendsNothing
  const context = { db: connections.writes, sending }
  const committer = createCommitter(connections.writes, answered)
  port?.on('message', (message: ToWorker) => {
    if (message === 'close') {
      committer.flush()
      connections.close()
      port.close()
      return
    }
    if ('commits' in message) {
      for (const [index, id] of message.ids.entries()) {
        const input = message.commits[index]
        if (input !== undefined)
          committer.add({ id, run: () => commitSettlement(context.db, input, sending) })
      }
      return
    }
    const { id, name, input } = message
    const write = named(writes, name)
    if (write === undefined) say({ type: 'answers', answers: [read(message)] })
    else committer.add({ id, run: () => write(context, input) })
  })
  say({ type: 'opened' })

  /** Says what was done; most of it has nothing to say but that. */
  function answered(all: readonly Answer[]): void {
    const isDone = (answer: Answer): boolean => 'output' in answer && answer.output === undefined
    const ids = all.filter(isDone).map(({ id }) => id)
    if (ids.length > 0) say({ type: 'done', ids })
    if (ids.length < all.length) say({ type: 'answers', answers: all.filter(answer => !isDone(answer)) })
  }

  function read({ id, name, input }: Question): Answer {
    try {
      return { id, output: named(reads, name)?.({ db: connections.reads, sending }, input) }
    } catch (error) {
      return { id, fault: faultOf(error) }
    }
  }
}
