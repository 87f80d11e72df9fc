// The watches of events: each has a filter and a short queue, and what does not fit into it is dropped and counted.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { WatchEventsRequest, WatchEventsResponseSchema } from '#gen/exai/v1/monitoring_service_pb'
import type { EventSink } from '../core/gateway-event.ts'
import { type EventFilter, eventFilter } from './event-filter.ts'
import { type EventMessageDeps, type SeenEvent, seenEvent } from './event-message.ts'
import type { WatchCall, Watchers } from './watchers.ts'

/** One message of a watch. */
export type EventMessage = MessageInitShape<typeof WatchEventsResponseSchema>

/** The watches of events. */
export interface EventWatches {
  /** Takes what happens. Costs nothing while nobody watches. */
  readonly hear: EventSink
  /** Takes what has happened in another process of the service. */
  show(seen: SeenEvent): void
  /** Begins a watch: what matches, from now on. Throws INVALID_REQUEST, PERMISSION_DENIED, or how the call ends. */
  watch(call: WatchCall, request: WatchEventsRequest): AsyncGenerator<EventMessage>
}

/** What they are made of. */
export interface EventWatchesDeps extends EventMessageDeps {
  readonly watchers: Pick<Watchers, 'watch'>
  /** Ids of the providers that there are. */
  readonly providers: () => readonly string[]
  /** How many events wait for one reader. */
  readonly queueMax?: number
  /** Told when the first one begins to watch, and when the last one has left. */
  readonly onWatched?: (isWatched: boolean) => void
}

const QUEUE_MAX = 1_000

interface Queue {
  readonly filter: EventFilter
  readonly events: SeenEvent[]
  dropped: number
  wake(): void
}

/** Makes them. */
export function createEventWatches(deps: EventWatchesDeps): EventWatches {
  const { watchers, providers, queueMax = QUEUE_MAX, onWatched } = deps
  const queues = new Set<Queue>()

  function offer(queue: Queue, event: SeenEvent): void {
    if (!queue.filter(event)) return
    // The oldest goes: a reader that comes back wants to know how it is now.
    if (queue.events.length >= queueMax) {
      queue.events.shift()
      queue.dropped += 1
    }
    queue.events.push(event)
    queue.wake()
  }

  function show(seen: SeenEvent): void {
    for (const queue of queues) offer(queue, seen)
  }

  return {
    show,
    hear(event) {
      if (queues.size > 0) show(seenEvent(event, deps))
    },
    async *watch(call, request) {
      const filter = eventFilter(call.caller, request, providers())
      const queue: Queue = { filter, events: [], dropped: 0, wake: () => undefined }
      queues.add(queue)
      if (queues.size === 1) onWatched?.(true)
      try {
        yield* watchers.watch<EventMessage>(call, {
          listen(wake) {
            queue.wake = wake
          },
          take(isEnding) {
            const event = isEnding ? undefined : queue.events.shift()
            if (event === undefined) return undefined
            const droppedCount = queue.dropped
            queue.dropped = 0
            return { event: event.message, droppedCount }
          },
          sign: () => ({}),
        })
      } finally {
        queues.delete(queue)
        if (queues.size === 0) onWatched?.(false)
      }
    },
  }
}
