// The circuits that an operator holds open: a worker that is started later holds them, too.
import type { SwitchWish } from '../status/circuit-switch.ts'

/** What operators hold. */
export interface HeldCircuits {
  /** Takes a wish that was carried out. */
  note(wish: SwitchWish): void
  /** The wishes that still hold. */
  wishes(): readonly SwitchWish[]
}

/** Begins with none. */
export function createHeldCircuits(now: () => number): HeldCircuits {
  const held = new Map<string, { readonly wish: SwitchWish; readonly untilMs: number }>()
  return {
    note(wish) {
      const { provider, model, action, holdMs } = wish
      for (const [key, { wish: before }] of held)
        if (before.provider === provider && (model === '' || before.model === model)) held.delete(key)
      if (action !== 'open') return
      const untilMs = holdMs === undefined ? Number.POSITIVE_INFINITY : now() + holdMs
      held.set(JSON.stringify([provider, model]), { wish, untilMs })
    },
    wishes: () =>
      [...held.values()].flatMap(({ wish, untilMs }) => {
        if (untilMs <= now()) return []
        return [wish.holdMs === undefined ? wish : { ...wish, holdMs: untilMs - now() }]
      }),
  }
}
