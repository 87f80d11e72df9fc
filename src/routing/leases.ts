// How many calls run at once with each provider and each model, and who waits for a place among them.
import type { LimitConfig, QueueConfig } from '../config/snapshot.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { createGate, type Gate } from '../core/gate.ts'
import type { WaitRules } from '../core/turns.ts'

/** Whose call wants to ask whom. */
export interface LeaseWho {
  readonly provider: string
  readonly model: string
  readonly tenant: string
}

/** A place among the calls at once; giving it back again does nothing. */
export interface Lease {
  release(): void
}

/** How busy a provider (`glm`) or a model (`glm/glm-5.3`) is. */
export interface LeaseCount {
  readonly name: string
  readonly running: number
  readonly waiting: number
}

/** What a configuration says of calls at once. */
export interface LeaseConfig {
  readonly limits: readonly LimitConfig[]
  readonly queue: QueueConfig
  /** How many processes divide the limits among them: these are the parts of one. Absent: it has all. */
  readonly dividedBy?: number | undefined
}

/** Places among the calls at once of providers and models. */
export interface Leases {
  /**
   * Takes a place with the model and one with its provider; at once when there is room. Undefined: there is none, and
   * mayWait is false, as it must be for a call that holds a place already. Throws OVERLOADED (the queue is full, or it was
   * waited too long; with retryDelayMs), or the signal's reason.
   */
  take(
    who: LeaseWho,
    how: { readonly mayWait: boolean; readonly signal: AbortSignal },
  ): Promise<Lease> | Lease | undefined
  /** How long and how many may wait now, also for what is limited elsewhere, such as a key. */
  rules(): WaitRules
  /** Those that have a limit or somebody running. */
  running(): readonly LeaseCount[]
  /** Takes other limits; running calls keep their places, and waiting ones theirs in the queue. */
  configure(config: LeaseConfig): void
}

/** Most names that are remembered while nobody is there. */
const GATES_MAX = 1_024
/** Shortest and longest time that a refused caller is told to wait, in milliseconds: by then those in the queue are gone. */
const RETRY_MS = { min: 1000, max: 10_000 } as const

/** Makes leases of which none is taken. */
export function createLeases({
  clock,
  config,
}: {
  readonly clock: Clock
  readonly config: LeaseConfig
}): Leases {
  const gates = new Map<string, Gate>()
  let limits = limitsOf(config.limits)
  let queue = rulesOf(config.queue)
  let { dividedBy } = config

  function gateOf(name: string, provider: string, model?: string): Gate {
    const known = gates.get(name)
    if (known !== undefined) return known
    const gate = createGate({
      limit: limits.get(name),
      refusal: (why, limit) => refusal(why, limit, provider, model),
    })
    gates.set(name, gate)
    return gate
  }

  function leave(name: string, gate: Gate): void {
    gate.leave()
    // Callers may name models as they like: of what has neither a limit nor anybody inside only so much is remembered.
    if (gates.size <= GATES_MAX || gate.running() > 0 || limits.has(name)) return
    if (gates.get(name) === gate) gates.delete(name)
  }

  function take(
    { provider, model, tenant }: LeaseWho,
    { mayWait, signal }: { mayWait: boolean; signal: AbortSignal },
  ): Promise<Lease> | Lease | undefined {
    signal.throwIfAborted()
    const modelName = nameOf(provider, model)

    function leaseOf(ofModel: Gate, ofProvider: Gate): Lease {
      let isReleased = false
      return {
        release() {
          if (isReleased) return
          isReleased = true
          leave(provider, ofProvider)
          leave(modelName, ofModel)
        },
      }
    }

    // The model's place comes first, always: while somebody with it waits for the provider, nobody could use it who would
    // not wait for the provider, too. The other way round, a crowded model would take the provider's places from the others.
    async function wait(): Promise<Lease> {
      const untilMs = clock.monotonic() + queue.waitMaxMs
      // Asked for anew: the vain try below may have been the last to leave it, and then nobody would know of it any more.
      const ofModel = gateOf(modelName, provider, model)
      await ofModel.wait({ tenant, signal }, queue)
      const ofProvider = gateOf(provider, provider)
      try {
        const leftMs = Math.max(0, untilMs - clock.monotonic())
        await ofProvider.wait({ tenant, signal }, { ...queue, waitMaxMs: leftMs })
      } catch (error) {
        leave(modelName, ofModel)
        throw error
      }
      const lease = leaseOf(ofModel, ofProvider)
      if (!signal.aborted) return lease
      lease.release()
      throw signal.reason
    }

    const ofModel = gateOf(modelName, provider, model)
    if (ofModel.enter()) {
      const ofProvider = gateOf(provider, provider)
      if (ofProvider.enter()) return leaseOf(ofModel, ofProvider)
      leave(modelName, ofModel)
    }
    return mayWait ? wait() : undefined
  }

  return {
    take,
    rules: () => queue,
    running: () =>
      [...gates]
        .map(([name, gate]) => ({ name, running: gate.running(), waiting: gate.waiting() }))
        .filter(({ name, running, waiting }) => running + waiting > 0 || limits.has(name)),
    configure(next) {
      limits = limitsOf(next.limits)
      queue = rulesOf(next.queue)
      dividedBy = next.dividedBy
      for (const [name, gate] of gates) {
        gate.resize(limits.get(name))
        if (gate.running() === 0 && !limits.has(name)) gates.delete(name)
      }
    },
  }

  function refusal(
    why: 'full' | 'late',
    limit: number,
    provider: string,
    model: string | undefined,
  ): GatewayError {
    const who = model === undefined ? provider : nameOf(provider, model)
    const setting = `max_concurrent of the ${model === undefined ? 'provider' : 'model'} in the config file`
    const what =
      why === 'full'
        ? `and ${queue.waitingMax} more wait, which is all that may: raise ${setting}, or routing.queue.max_waiting`
        : `and none ended within ${queue.waitMaxMs / 1000} s: raise ${setting}, or routing.queue.max_wait`
    const whose =
      dividedBy === undefined ? 'its limit' : `the part of its limit that one of ${dividedBy} workers has`
    return new GatewayError('OVERLOADED', `${limit} calls run with ${who}, ${whose}, ${what}`, {
      provider,
      ...(model === undefined ? {} : { model }),
      retryDelayMs: Math.min(Math.max(queue.waitMaxMs, RETRY_MS.min), RETRY_MS.max),
      // Nobody was asked.
      against: 'nobody',
    })
  }
}

function limitsOf(limits: readonly LimitConfig[]): ReadonlyMap<string, number> {
  return new Map(
    limits.map(({ provider, model, maxConcurrent }) => [
      model === undefined ? provider : nameOf(provider, model),
      maxConcurrent,
    ]),
  )
}

function rulesOf({ maxWaiting, maxWaitMs }: QueueConfig): WaitRules {
  return { waitingMax: maxWaiting, waitMaxMs: maxWaitMs }
}

/** Models are the same in any letter case. */
function nameOf(provider: string, model: string): string {
  return `${provider}/${model.toLowerCase()}`
}
