// The owner's end of the state that workers share: does what they ask in the order in which they ask, and lets go of what the dead held.
import type { Holder, Reserved, Settling, Shared } from '../../core/shared.ts'
import type { Channel, Handlers, Offer, Streams } from './channel.ts'
import { ASKED, HEARD, LISTEN, PUBLISH, questionOf, TAIL } from './shared-calls.ts'

/** What `createSharedOwner` needs. */
export interface SharedOwnerDeps {
  /** The state itself. Its owner closes it. */
  readonly shared: Shared
  /** What values are called that say of a process that it is there, or does something: they end with it. */
  readonly ownPrefixes?: readonly string[]
  readonly onFault: (fault: unknown) => void
}

/** The way of one worker into the state. */
export interface SharedLink {
  readonly offer: Required<Offer>
  /** Gives back what it held, after its end. */
  release(): Promise<void>
}

/** The state in the hands of its owner. */
export interface SharedOwner {
  /** Makes the way of a worker; its channel is there before the first question. */
  link(channel: () => Pick<Channel, 'ask' | 'isOpen'>): SharedLink
}

/** Values that name a process alive, and leases of work in the background. */
const OWN_PREFIXES = ['alive:', 'lease:']

interface Peer {
  readonly topics: Map<string, () => void>
  heard(topic: string, message: Uint8Array): Promise<unknown>
}

/** Makes it. */
export function createSharedOwner({
  shared,
  ownPrefixes = OWN_PREFIXES,
  onFault,
}: SharedOwnerDeps): SharedOwner {
  const peers = new Set<Peer>()
  // What is published from here is told to each worker by name, so that it can be waited for.
  let isTelling = false

  async function publish(from: Peer, topic: string, message: Uint8Array): Promise<void> {
    // Each of them, whether or not it has said that it listens: its word may still be on its way.
    const others = [...peers].filter(peer => peer !== from)
    isTelling = true
    const told = shared.publish(topic, message)
    isTelling = false
    // Who is gone does not go by old news.
    const heard = others.map(peer => peer.heard(topic, message).catch(() => undefined))
    await Promise.all([told, ...heard])
  }

  function listen(peer: Peer, topic: string, isListening: boolean): void {
    peer.topics.get(topic)?.()
    peer.topics.delete(topic)
    if (!isListening) return
    const stop = shared.subscribe(topic, message => {
      if (!isTelling) peer.heard(topic, message).catch(onFault)
    })
    peer.topics.set(topic, stop)
  }

  return {
    link(channel) {
      const held = createHeld(shared, ownPrefixes)
      const peer: Peer = {
        topics: new Map(),
        heard: async (topic, message) =>
          channel().isOpen() ? channel().ask(HEARD, [topic, message]) : undefined,
      }
      peers.add(peer)
      const handlers: Handlers = {
        ...plain(shared),
        ...held.handlers,
        [PUBLISH]: ([topic, message]: readonly [string, Uint8Array]) => publish(peer, topic, message),
        [LISTEN]: ([topic, isListening]: readonly [string, boolean]) => listen(peer, topic, isListening),
      }
      const streams: Streams = {
        [TAIL]: ([log, after]: readonly [string, number], signal) => shared.tail(log, after, signal),
      }
      return {
        offer: { handlers, streams },
        async release() {
          peers.delete(peer)
          for (const stop of peer.topics.values()) stop()
          peer.topics.clear()
          await held.release()
        },
      }
    },
  }
}

/** Every method as it is. */
function plain(shared: Shared): Handlers {
  return Object.fromEntries(
    ASKED.map(name => {
      const method = shared[name] as (...input: readonly unknown[]) => Promise<unknown>
      return [questionOf(name), (input: readonly unknown[]) => method(...input)] as const
    }),
  )
}

interface Held {
  readonly handlers: Handlers
  release(): Promise<void>
}

/** Remembers what one worker holds: amounts of its holders, and values that say that it is there. */
function createHeld(shared: Shared, ownPrefixes: readonly string[]): Held {
  const amounts = new Map<string, readonly string[]>()
  const values = new Map<string, Uint8Array>()
  const isOwn = (name: string): boolean => ownPrefixes.some(prefix => name.startsWith(prefix))

  function holds(holder: Holder, counters: readonly string[]): void {
    const before = amounts.get(holder.id)
    const all = before === undefined ? counters : [...before, ...counters]
    if (all.length > 0) amounts.set(holder.id, all)
  }

  function settled(holder: string, settlings: readonly Settling[]): void {
    const all = amounts.get(holder)
    if (all === undefined) return
    const left = all.filter(counter => settlings.every(one => one.counter !== counter))
    if (left.length === 0) amounts.delete(holder)
    else amounts.set(holder, left)
  }

  return {
    handlers: {
      [questionOf('reserve')]: async (input: Parameters<Shared['reserve']>): Promise<Reserved> => {
        const [reservations, holder] = input
        const reserved = await shared.reserve(reservations, holder)
        if (holder !== undefined && reserved.ok) {
          const own = reservations.filter(({ amount, isForGood }) => amount > 0 && isForGood === undefined)
          holds(
            holder,
            own.map(({ counter }) => counter),
          )
        }
        return reserved
      },
      [questionOf('settle')]: (input: Parameters<Shared['settle']>) => {
        settled(...input)
        return shared.settle(...input)
      },
      [questionOf('set')]: (input: Parameters<Shared['set']>) => {
        const [name, value] = input
        if (isOwn(name)) values.set(name, value)
        return shared.set(...input)
      },
      [questionOf('claim')]: async (input: Parameters<Shared['claim']>) => {
        const [name, value] = input
        const before = await shared.claim(...input)
        if (before === undefined && isOwn(name)) values.set(name, value)
        return before
      },
      [questionOf('swap')]: async (input: Parameters<Shared['swap']>) => {
        const [name, , value] = input
        const isDone = await shared.swap(...input)
        if (isDone && isOwn(name)) {
          if (value === undefined) values.delete(name)
          else values.set(name, value)
        }
        return isDone
      },
    },
    async release() {
      const given = [...amounts].map(([holder, counters]) =>
        shared.settle(
          holder,
          [...counters].map(counter => ({ counter, amount: 0 })),
        ),
      )
      // Only what is still its own: somebody else may have taken over meanwhile.
      const ended = [...values].map(([name, value]) => shared.swap(name, value, undefined, 1))
      amounts.clear()
      values.clear()
      await Promise.all([...given, ...ended])
    },
  }
}
