// Messages between processes, and the word that a log has changed: a second connection, because one that listens cannot ask.
import type { Redis } from 'ioredis'
import type { Shared } from '../../core/shared.ts'
import type { Line } from './line.ts'
import { LOG_CHANNEL, PROCESS_CHANNEL, TOPICS_CHANNEL } from './scripts.ts'

/** What `createTopics` needs. */
export interface TopicsDeps {
  /** The connection that listens; it makes itself anew. Its owner closes it. */
  readonly redis: Redis
  readonly line: Pick<Line, 'run'>
  readonly local: Shared
  /** Id of this process, ASCII. */
  readonly process: string
  /** Called when another process has written a log that was this one's alone, or has removed it. */
  readonly onTaken: (log: string, isRemoved: boolean) => void
  /** Called when it begins to listen and when it does not any more. */
  readonly onState: () => void
}

/** What follows a log. */
export interface Watch {
  /** Resolves when the log may have changed since `seen`, after so many milliseconds, or when the signal aborts. */
  changed(seen: number, afterMs: number, signal: AbortSignal): Promise<void>
  /** How often it may have changed. */
  count(): number
  stop(): void
}

/** Messages between processes. */
export interface Topics extends Pick<Shared, 'publish' | 'subscribe'> {
  watch(log: string): Watch
  /** Wakes everybody who follows a log. */
  wakeAll(): void
  isListening(): boolean
  close(): void
}

const CHECK_EVERY_MS = 5_000
const ANSWER_MS = 2_000

interface Watched {
  count: number
  watchers: number
  readonly waiting: Set<() => void>
}

/** Makes the topics; it listens whenever the connection is there. */
export function createTopics({ redis, line, local, process, onTaken, onState }: TopicsDeps): Topics {
  const logs = new Map<string, Watched>()
  const own = `${PROCESS_CHANNEL}${process}`
  let isListening = false

  function wake(watched: Watched): void {
    watched.count += 1
    for (const resolve of watched.waiting) resolve()
    watched.waiting.clear()
  }
  const wakeAll = (): void => {
    for (const watched of logs.values()) wake(watched)
  }

  function set(isNow: boolean): void {
    if (isListening === isNow) return
    isListening = isNow
    onState()
  }

  async function listen(): Promise<void> {
    try {
      await redis.subscribe(TOPICS_CHANNEL, own, ...[...logs.keys()].map(log => `${LOG_CHANNEL}${log}`))
      set(true)
      wakeAll()
    } catch {
      // The connection is gone again, or it may not listen: what follows asks from time to time, and the state says so.
      set(false)
    }
  }

  async function begin(log: string, watched: Watched): Promise<void> {
    try {
      await redis.subscribe(`${LOG_CHANNEL}${log}`)
      // What came before it was heard is seen now.
      wake(watched)
    } catch {
      // As soon as there is a connection again, it listens to everything.
    }
  }

  /** Makes the connection anew when the other side is gone without a word. */
  async function check(): Promise<void> {
    if (!isListening) return
    const silence = Promise.withResolvers<void>()
    const timer = setTimeout(silence.reject, ANSWER_MS)
    try {
      await Promise.race([redis.ping(), silence.promise])
    } catch {
      redis.disconnect(true)
    } finally {
      clearTimeout(timer)
    }
  }
  const checking = setInterval(check, CHECK_EVERY_MS).unref()

  redis.on('error', () => undefined)
  redis.on('ready', () => void listen())
  redis.on('close', () => set(false))
  redis.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    const name = channel.toString()
    if (name === TOPICS_CHANNEL) {
      const { from, topic, body } = opened(message)
      if (from !== process) void local.publish(topic, body)
    } else if (name === own) onTaken(message.toString().slice(1), message.toString().startsWith('-'))
    else {
      const watched = logs.get(name.slice(LOG_CHANNEL.length))
      if (watched !== undefined) wake(watched)
    }
  })

  function watch(log: string): Watch {
    const watched = logs.get(log) ?? { count: 0, watchers: 0, waiting: new Set() }
    watched.watchers += 1
    if (watched.watchers === 1) {
      logs.set(log, watched)
      void begin(log, watched)
    }
    let isStopped = false
    return {
      count: () => watched.count,
      changed(seen, afterMs, signal) {
        if (watched.count !== seen || signal.aborted) return Promise.resolve()
        return new Promise(resolve => {
          const end = (): void => {
            clearTimeout(timer)
            watched.waiting.delete(end)
            signal.removeEventListener('abort', end)
            resolve()
          }
          const timer = setTimeout(end, afterMs)
          watched.waiting.add(end)
          signal.addEventListener('abort', end, { once: true })
        })
      },
      stop() {
        if (isStopped) return
        isStopped = true
        watched.watchers -= 1
        if (watched.watchers > 0) return
        logs.delete(log)
        // When it does not get there, the connection is gone, and the next one does not listen to it.
        redis.unsubscribe(`${LOG_CHANNEL}${log}`).catch(() => undefined)
      },
    }
  }

  return {
    async publish(topic, message) {
      // Here at once; whoever is elsewhere hears it from Redis, and nobody hears it twice.
      const told = local.publish(topic, message)
      await line.run('publish', [], [TOPICS_CHANNEL, sealed(process, topic, message)])
      await told
    },
    subscribe: (topic, listener) => local.subscribe(topic, listener),
    watch,
    wakeAll,
    isListening: () => isListening,
    close: () => clearInterval(checking),
  }
}

/** A message with its sender and topic: one line of JSON, a line feed, the bytes. */
function sealed(from: string, topic: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify([from, topic])}\n`), body])
}

function opened(message: Buffer): {
  readonly from: string
  readonly topic: string
  readonly body: Uint8Array
} {
  const end = message.indexOf('\n')
  // Only processes of this service write to this channel.
  const [from = '', topic = '']: readonly string[] = JSON.parse(message.toString('utf8', 0, end))
  return { from, topic, body: message.subarray(end + 1) }
}
