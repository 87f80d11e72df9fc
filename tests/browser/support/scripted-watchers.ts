// Those who watch a scripted gateway: each gets what is told, until the gateway goes away.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { type ErrorInfo_Origin, ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import type { EventSchema } from '#gen/exai/v1/event_pb'
import { timeOf } from './scripted-calls.ts'

type EventInit = MessageInitShape<typeof EventSchema>
/** The error of the contract for a reason. */
export function errorOf(code: Code, reason: ErrorReason, message: string, retryMs?: number): ConnectError {
  const info = create(ErrorInfoSchema, {
    reason,
    requestId: 'req-scripted',
    // ORIGIN_GATEWAY.
    origin: 2 satisfies ErrorInfo_Origin,
    ...(retryMs === undefined ? {} : { retryDelay: timeOf(retryMs) }),
  })
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value: info }])
}

type Waker = () => void

/** Those who watch, and what waits for them. */
export function createWatchers() {
  const wakers = new Set<Waker>()
  const queues = new Set<EventInit[]>()
  let ending: 'none' | 'shut-down' | 'closed' = 'none'
  let version = 0
  const wake = (): void => {
    for (const waker of [...wakers]) waker()
  }
  const change = (signal: AbortSignal): Promise<void> =>
    new Promise(resolve => {
      const done = (): void => {
        wakers.delete(done)
        resolve()
      }
      wakers.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  const refuseIfEnding = (): void => {
    if (ending === 'shut-down')
      throw errorOf(Code.Unavailable, ErrorReason.SHUTTING_DOWN, 'the gateway is shutting down', 500)
  }
  return {
    tellStatus: () => {
      version += 1
      wake()
    },
    tellEvents: (events: readonly EventInit[]) => {
      for (const queue of queues) queue.push(...events)
      wake()
    },
    shutDown: () => {
      ending = 'shut-down'
      wake()
    },
    end: () => {
      if (ending === 'none') ending = 'closed'
      wake()
    },
    async *statuses<T>(signal: AbortSignal, current: () => T): AsyncGenerator<T> {
      let seen = -1
      while (!signal.aborted && ending !== 'closed') {
        refuseIfEnding()
        if (seen !== version) {
          seen = version
          yield current()
        } else await change(signal)
      }
    },
    async *events(signal: AbortSignal): AsyncGenerator<EventInit> {
      const queue: EventInit[] = []
      queues.add(queue)
      try {
        while (!signal.aborted && ending !== 'closed') {
          refuseIfEnding()
          const event = queue.shift()
          if (event === undefined) await change(signal)
          else yield event
        }
      } finally {
        queues.delete(queue)
      }
    },
  }
}
