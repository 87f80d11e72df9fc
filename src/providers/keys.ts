// The keys of one provider: picks one for each attempt, and passes over those that the provider does not take now.
import type { KeyConfig } from '../config/snapshot.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, type KeyTrouble } from '../core/errors.ts'
import { accountOf } from './access.ts'
import { isFailing, markAsked, markFailing, markWell } from './key-address.ts'
import { createKeyMemory, type HeldKey, type KeyMemory } from './key-memory.ts'
import { absence, deny, firstBack, outOf } from './key-outs.ts'
import { createKeyQueue, type KeyQueue } from './key-queue.ts'
import { type Fullness, limitRooms } from './key-room.ts'
import { absenceMs, isMoment, longer, type Out, TROUBLES } from './key-troubles.ts'

/** One key: its region and its plan belong to it, so it may have a base URL and an account of its own. */
export type KeySettings = KeyConfig

/** What an attempt has shown about its key: it was taken, nothing was learnt, nobody answers where it is sent, or it is refused. */
export type KeyOutcome =
  | { readonly type: 'served' }
  | { readonly type: 'untold' }
  | { readonly type: 'failing' }
  /** `waitMs`: for how long, as the provider said; absent when it did not. */
  | { readonly type: KeyTrouble; readonly waitMs?: number | undefined }

/** One attempt's use of a key. */
export interface KeyLease {
  /** Undefined when the host wants no key. */
  readonly key: KeySettings | undefined
  /** Gives the key back; only the first call counts. Every way out of the attempt must come here. */
  settle(outcome: KeyOutcome): void
}

/** How a key is; the key itself is not in it. */
export interface KeyState {
  readonly label: string
  /** Attempts that use it now. */
  readonly running: number
  /** Present while it is out: why, and until when in milliseconds since the Unix epoch. */
  readonly out?: { readonly trouble: KeyTrouble; readonly untilMs: number }
}

/** The keys of one provider. */
export interface KeyPool {
  /**
   * Takes the least used key that may ask this model, of an address that does not fail where there is one; those of the
   * accounts that are preferred come before all others. Throws UPSTREAM_CREDENTIALS or UPSTREAM_LIMITED when there is none now,
   * and OVERLOADED when only the configured limits of the keys are in the way.
   */
  acquire(modelId: string, preferred?: readonly string[]): KeyLease
  /** Takes a key as `acquire` does, or waits for one while every key is full. */
  take: KeyQueue<KeyLease>['take']
  /** What `acquire` would throw for this model while there is no key for it. */
  fault(modelId: string): GatewayError
  /** How many keys `acquire` could choose from now. */
  left(modelId: string): number
  /** Whether one of those is sent to an address that does not fail, while another address does. False with one address only. */
  hasOtherAddress(modelId: string): boolean
  /** The failure of every acquire, while every key is out for longer than a moment. */
  outage(): GatewayError | undefined
  states(): readonly KeyState[]
  /**
   * Limits the calls at once as these keys say, also those of earlier pools with the same memory. Until then their limits hold:
   * a pool that is made may come to nothing. One with a memory of its own does it by itself.
   */
  adopt(): void
  /** Lets go of the keys. What runs goes on, and so does what still asks for a key. */
  close(): void
}

/** What a pool is made from. */
export interface KeyPoolDeps {
  /** Id of the provider, for messages. */
  readonly provider: string
  /** Empty: the host is asked without a key. */
  readonly keys: readonly KeySettings[]
  readonly clock: Clock
  /** To which keys without one of their own are sent: a key that moves is another one. Default: not said. */
  readonly baseUrl?: string | undefined
  /** What is known of keys from pools before this one. Default: nothing. */
  readonly memory?: KeyMemory | undefined
  /** From 0 to below 1. Default: Math.random. */
  readonly random?: (() => number) | undefined
  /** Takes every key that goes out. */
  readonly onOut?: ((state: KeyState) => void) | undefined
}

interface Slot {
  readonly key: KeySettings
  readonly held: HeldKey
  /** Of its account. */
  readonly name: string
}

/** What a caller is told to wait when every key has as many calls as it may, in milliseconds. */
const BUSY_RETRY_MS = 1000

/** Makes the pool of a provider, with every key in use. */
export function createKeyPool(deps: KeyPoolDeps): KeyPool {
  const { provider, clock, baseUrl = '', memory = createKeyMemory(), random = Math.random } = deps
  const slots = deps.keys.map(
    (key): Slot => ({
      key,
      held: memory.hold({ ...key, provider, baseUrl: key.baseUrl ?? baseUrl }),
      name: accountOf(provider, baseUrl, key),
    }),
  )

  const hasAddresses = new Set(slots.map(({ held }) => held.address)).size > 1
  if (deps.memory === undefined) adopt()
  const queue = createKeyQueue({
    acquire,
    giveBack: lease => lease.settle({ type: 'untold' }),
    fullBy,
    fault: modelId => nobody(clock.monotonic(), modelId),
    rooms: slots.map(({ held }) => held.account.room),
  })

  function acquire(modelId: string, preferred: readonly string[] = []): KeyLease {
    if (slots.length === 0) return { key: undefined, settle: () => undefined }
    const nowMs = clock.monotonic()
    const all = usable(nowMs, modelId)
    const well = hasAddresses ? all.filter(one => !isFailing(one.held.address, nowMs)) : all
    const [slot] = (well.length > 0 ? well : all).sort(
      (one, other) => rankOf(one, preferred) - rankOf(other, preferred) || byUse(one, other),
    )
    if (slot === undefined) throw nobody(nowMs, modelId)
    // As long as it is used it is remembered, whatever becomes of this pool.
    const { record, account, address, release } = slot.held.again()
    markAsked(address, nowMs)
    record.lastUse = memory.nextUse()
    record.running += 1
    account.room.enter()
    let isSettled = false
    return {
      key: slot.key,
      settle(outcome) {
        if (isSettled) return
        isSettled = true
        // Before the call leaves: how many ran at once is what a limit is learnt from.
        learn(slot, modelId, outcome, nowMs)
        record.running -= 1
        account.room.leave()
        release()
      },
    }
  }

  function adopt(): void {
    limitRooms(slots.map(({ key, held }) => ({ room: held.account.room, max: key.maxConcurrent })))
  }

  function usable(nowMs: number, modelId: string): Slot[] {
    return slots.filter(
      one => outOf(one.held, nowMs, modelId) === undefined && one.held.account.room.hasRoom(nowMs),
    )
  }

  function fullBy(modelId: string): Fullness | undefined {
    const nowMs = clock.monotonic()
    const why = slots
      .filter(one => outOf(one.held, nowMs, modelId) === undefined)
      .map(one => one.held.account.room.fullBy(nowMs))
    if (why.includes(undefined)) return undefined
    // To raise the configured limit of one of them helps already.
    return why.find(one => one === 'configured') ?? why[0]
  }

  function learn(slot: Slot, modelId: string, outcome: KeyOutcome, takenAtMs: number): void {
    const { record, account, address } = slot.held
    const nowMs = clock.monotonic()
    switch (outcome.type) {
      case 'untold':
        return
      case 'served':
        record.refusals = 0
        markWell(address, takenAtMs)
        return
      case 'failing':
        markFailing(address, nowMs)
        return
      case 'concurrency':
        // With one call there is no fewer: others use the account, too, and it needs a pause.
        if (!account.room.shrink(nowMs)) goOut(slot, modelId, 'rate_limit', outcome.waitMs)
        return
      default:
        goOut(slot, modelId, outcome.type, outcome.waitMs)
    }
  }

  function goOut(slot: Slot, modelId: string, trouble: Out['trouble'], waitMs: number | undefined): void {
    const { record, account } = slot.held
    const nowMs = clock.monotonic()
    const wasOut = outOf(slot.held, nowMs, modelId) !== undefined
    // Calls that began before the first refusal are refused as well: together they are one.
    const refusals = wasOut ? Math.max(0, record.refusals - 1) : record.refusals
    const out: Out = {
      trouble,
      sinceMs: nowMs,
      untilMs: nowMs + absenceMs({ trouble, waitMs, refusals, random }),
    }
    switch (TROUBLES[trouble].scope) {
      case 'key':
        if (!wasOut) record.refusals += 1
        record.out = longer(record.out, out)
        break
      case 'account':
        account.out = longer(account.out, out)
        break
      case 'key_model':
        deny(record.denied, modelId, out)
        break
    }
    if (!wasOut) deps.onOut?.({ label: slot.key.label, running: record.running, out: shown(out) })
  }

  function nobody(nowMs: number, modelId: string): GatewayError {
    const outs = slots.map(slot => outOf(slot.held, nowMs, modelId))
    const first = firstBack(outs)
    if (first !== undefined) return absent(first, nowMs, modelId)
    const details = { provider, model: modelId, retryDelayMs: BUSY_RETRY_MS, against: 'nobody' } as const
    const what = `every key of ${provider} has as many calls running as`
    return fullBy(modelId) === 'configured'
      ? new GatewayError('OVERLOADED', `${what} its max_concurrent in the config file: raise it`, details)
      : new GatewayError('UPSTREAM_LIMITED', `${what} it may: try again later`, details)
  }

  const absent = (out: Out, nowMs: number, modelId?: string): GatewayError =>
    absence({ provider, out, nowMs, untilMs: shown(out).untilMs, modelId })

  function shown({ trouble, untilMs }: Out): { readonly trouble: KeyTrouble; readonly untilMs: number } {
    return { trouble, untilMs: Math.ceil(clock.now() + untilMs - clock.monotonic()) }
  }

  return {
    acquire,
    take: queue.take,
    fault: modelId => nobody(clock.monotonic(), modelId),
    left: modelId => usable(clock.monotonic(), modelId).length,
    hasOtherAddress(modelId) {
      const nowMs = clock.monotonic()
      if (!hasAddresses || !slots.some(one => isFailing(one.held.address, nowMs))) return false
      return usable(nowMs, modelId).some(one => !isFailing(one.held.address, nowMs))
    },
    outage() {
      const nowMs = clock.monotonic()
      const first = firstBack(slots.map(slot => outOf(slot.held, nowMs)))
      return first === undefined || isMoment(first) ? undefined : absent(first, nowMs)
    },
    states() {
      const nowMs = clock.monotonic()
      return slots.map(slot => {
        const out = outOf(slot.held, nowMs)
        return {
          label: slot.key.label,
          running: slot.held.record.running,
          ...(out === undefined ? {} : { out: shown(out) }),
        }
      })
    },
    adopt,
    close() {
      for (const { held } of slots) held.release()
    },
  }
}

/** All accounts that are preferred are alike, so that load decides among them. */
function rankOf({ name }: Slot, preferred: readonly string[]): number {
  return preferred.includes(name) ? 0 : 1
}

function byUse({ held: { record: one } }: Slot, { held: { record: other } }: Slot): number {
  return one.running - other.running || one.lastUse - other.lastUse
}
