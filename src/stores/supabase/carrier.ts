// Carries slices to the sink until each entry has arrived, is set aside, or has to wait.
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import type { Outbox } from '../../core/outbox.ts'
import type { Sink, Unavailable } from './delivery.ts'
import type { DrainerEvents } from './drainer-events.ts'
import { halves, placesOf, type Slice } from './window.ts'

/** What a carrier is made from. */
export interface CarrierDeps {
  readonly source: Outbox
  readonly sink: Sink
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly events?: DrainerEvents
}

/** Carries one slice; gives why it has to wait, if it has to. Rejects with what the outbox throws, or when it is aborted. */
export type Carry = (slice: Slice) => Promise<Unavailable | undefined>

/** Makes a carrier. A slice that is refused is halved until the one bad entry stands alone. */
export function createCarrier({ source, sink, clock, signal, events = {} }: CarrierDeps): Carry {
  return async function carry(slice): Promise<Unavailable | undefined> {
    // Several slices would otherwise be turned into JSON in one go, and everything else in this process would wait for that.
    await setImmediate()
    signal.throwIfAborted()
    const startedAt = clock.monotonic()
    const delivery = await sink.send(slice.table, slice.entries, signal)
    switch (delivery.type) {
      case 'delivered':
        await source.done(placesOf(slice))
        events.delivered?.(slice.table, slice.entries.length, clock.monotonic() - startedAt)
        return undefined
      case 'refused': {
        const parts = halves(slice)
        if (parts !== undefined) return (await carry(parts[0])) ?? (await carry(parts[1]))
        for (const entry of slice.entries) {
          await source.bury(entry.sequence, `${delivery.code}: ${delivery.message}`)
          // Earlier changes of the same row would be sent as the row is now, so they are as bad.
          await source.done(slice.earlier.get(entry.sequence) ?? [])
          events.buried?.(entry, delivery)
        }
        return undefined
      }
      case 'unavailable':
        return delivery
      default:
        return delivery satisfies never
    }
  }
}

/** Carries slices, so many at once. Comes to its end only when none is on its way any more; gives the last trouble. */
export async function carryAll(
  carry: Carry,
  slices: readonly Slice[],
  parallel: number,
): Promise<Unavailable | undefined> {
  const left = [...slices]
  let trouble: Unavailable | undefined
  const lane = async (): Promise<void> => {
    for (let slice = left.shift(); slice !== undefined && trouble === undefined; slice = left.shift()) {
      trouble = (await carry(slice)) ?? trouble
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: parallel }, lane))
  for (const each of lanes) if (each.status === 'rejected') throw each.reason
  return trouble
}
