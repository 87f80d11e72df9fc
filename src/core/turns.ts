// Waiting for something that there is not enough of: bounded, fair between tenants, and over with the caller's signal.
import type { GatewayError } from './errors.ts'

/** How long a queue may get, and how long anybody stands in it. */
export interface WaitRules {
  /** Most that wait at once; 0: nobody waits. */
  readonly waitingMax: number
  /** Longest wait of each, in milliseconds. */
  readonly waitMaxMs: number
}

/** Who waits. */
export interface Waiting {
  /** Whose turn it counts as. */
  readonly tenant: string
  /** Ends the wait; its reason is what is thrown. */
  readonly signal: AbortSignal
}

/** What turns are made from. */
export interface TurnsDeps<Item, Place> {
  /** The place for somebody whose turn it is; undefined when there is none for them now. What it throws ends their wait. */
  readonly take: (item: Item) => Place | undefined
  /** Takes back a place whose taker has left in the meantime. */
  readonly giveBack: (place: Place) => void
  /** Whether it is worth asking anybody at all. Default: always. */
  readonly hasRoom?: () => boolean
  /** The error of somebody who cannot wait (`full`) or waited too long (`late`). */
  readonly refusal: (why: 'full' | 'late', item: Item, rules: WaitRules) => GatewayError
}

/** A queue in which tenants take turns, and each tenant's calls keep their order. */
export interface Turns<Item, Place> {
  /** Waits for a place. Throws the refusal, the signal's reason, or what `take` throws. */
  wait(item: Item, who: Waiting, rules: WaitRules): Promise<Place>
  /** Gives out what there is. To be called whenever something has become free. */
  serve(): void
  /** How many wait. */
  waiting(): number
}

interface Waiter<Item, Place> {
  readonly item: Item
  readonly tenant: string
  readonly rules: WaitRules
  readonly resolve: (place: Place) => void
  readonly reject: (reason: unknown) => void
  /** Takes down what would wake it. */
  readonly quiet: () => void
}

/** Makes an empty queue. Every operation is O(1), but for one in a full queue, which looks at each tenant. */
export function createTurns<Item, Place>(deps: TurnsDeps<Item, Place>): Turns<Item, Place> {
  const { take, giveBack, hasRoom = () => true, refusal } = deps
  // The tenants in the order of their turns; a set keeps the order of its calls and loses one from its middle at once.
  const queues = new Map<string, Set<Waiter<Item, Place>>>()
  let waiting = 0

  function add(waiter: Waiter<Item, Place>): void {
    const queue = queues.get(waiter.tenant)
    if (queue === undefined) queues.set(waiter.tenant, new Set([waiter]))
    else queue.add(waiter)
    waiting += 1
  }

  function remove(waiter: Waiter<Item, Place>): void {
    const queue = queues.get(waiter.tenant)
    if (queue?.delete(waiter) !== true) return
    if (queue.size === 0) queues.delete(waiter.tenant)
    waiting -= 1
    waiter.quiet()
  }

  function fail(waiter: Waiter<Item, Place>, error: unknown): void {
    remove(waiter)
    waiter.reject(error)
  }

  /** The last one of whoever has most waiting, if that is more than the newcomer's tenant would have. */
  function longest(tenant: string): Waiter<Item, Place> | undefined {
    let found: Set<Waiter<Item, Place>> | undefined
    for (const queue of queues.values()) if (queue.size > (found?.size ?? 0)) found = queue
    if (found === undefined || found.size <= (queues.get(tenant)?.size ?? 0) + 1) return undefined
    return [...found].at(-1)
  }

  function enqueue(item: Item, { tenant, signal }: Waiting, rules: WaitRules): Promise<Place> {
    return new Promise((resolve, reject) => {
      if (waiting >= rules.waitingMax) {
        // A queue that one tenant has filled would keep all others out.
        const last = rules.waitingMax > 0 ? longest(tenant) : undefined
        if (last === undefined) {
          reject(refusal('full', item, rules))
          return
        }
        fail(last, refusal('full', last.item, last.rules))
      }
      const onAbort = (): void => fail(waiter, signal.reason)
      const timer = setTimeout(() => fail(waiter, refusal('late', item, rules)), rules.waitMaxMs)
      const waiter: Waiter<Item, Place> = {
        item,
        tenant,
        rules,
        resolve,
        reject,
        quiet() {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      add(waiter)
    })
  }

  function serve(): void {
    let passedOver = 0
    while (passedOver < queues.size && hasRoom()) {
      const [turn] = queues
      if (turn === undefined) return
      const [tenant, queue] = turn
      const [waiter] = queue
      if (waiter === undefined) return
      let place: Place | undefined
      try {
        place = take(waiter.item)
      } catch (error) {
        fail(waiter, error)
        continue
      }
      if (place === undefined) passedOver += 1
      else {
        passedOver = 0
        remove(waiter)
        waiter.resolve(place)
      }
      if (queues.delete(tenant) && queue.size > 0) queues.set(tenant, queue)
    }
  }

  return {
    async wait(item, who, rules) {
      who.signal.throwIfAborted()
      const place = await enqueue(item, who, rules)
      // Between the grant and here the caller may have left, and would not know that it has something to give back.
      if (who.signal.aborted) {
        giveBack(place)
        throw who.signal.reason
      }
      return place
    },
    serve,
    waiting: () => waiting,
  }
}
