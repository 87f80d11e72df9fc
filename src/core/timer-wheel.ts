// Many timers by one: deadlines and watches that nearly always end before their time, for which exactness is not worth a timer.

/** One callback that waits. */
export interface WheelTimer {
  /** What is run; undefined once it was, or was stopped. */
  run: (() => void) | undefined
  dueMs: number
  before: WheelTimer | undefined
  after: WheelTimer | undefined
  slot: number
}

/** The timers. */
export interface TimerWheel {
  /** Runs something after so many milliseconds: never earlier, and up to two ticks later. Does not keep the process. */
  start(ms: number, run: () => void): WheelTimer
  /** Stops a timer; nothing happens to one that is over. */
  stop(timer: WheelTimer): void
  /** How many wait. */
  count(): number
}

/** In milliseconds, when nothing else is said. */
const TICK_MS = 50
/** With the usual tick, one turn takes 26 seconds; a timer that is due later is passed over until then. */
const SLOTS = 512

/** The timers of this thread. */
export const timers: TimerWheel = createTimerWheel()

/** Makes it. There is no timer as long as nothing waits. */
export function createTimerWheel({ tickMs = TICK_MS }: { readonly tickMs?: number } = {}): TimerWheel {
  const slots: (WheelTimer | undefined)[] = Array.from({ length: SLOTS })
  let waiting = 0
  let ticking: NodeJS.Timeout | undefined
  /** The last tick whose slot was looked at. */
  let tick = tickOf(performance.now())

  function tickOf(ms: number): number {
    return Math.floor(ms / tickMs)
  }

  function remove(timer: WheelTimer): void {
    const { before, after } = timer
    if (before === undefined) slots[timer.slot] = after
    else before.after = after
    if (after !== undefined) after.before = before
    timer.before = undefined
    timer.after = undefined
    waiting -= 1
  }

  function end(timer: WheelTimer): (() => void) | undefined {
    const { run } = timer
    if (run === undefined) return undefined
    timer.run = undefined
    remove(timer)
    return run
  }

  /** What is due in a slot; taken before any of it runs, since that may start and stop others. */
  function dueIn(slot: number, nowMs: number, due: WheelTimer[]): void {
    for (let timer = slots[slot]; timer !== undefined; timer = timer.after)
      if (timer.dueMs <= nowMs) due.push(timer)
  }

  function turn(): void {
    const nowMs = performance.now()
    const now = tickOf(nowMs)
    const due: WheelTimer[] = []
    // A process that stood still for long looks at each slot once.
    for (let at = Math.max(tick + 1, now - SLOTS + 1); at <= now; at += 1) dueIn(at % SLOTS, nowMs, due)
    tick = now
    due.sort((one, other) => one.dueMs - other.dueMs)
    for (const timer of due) {
      try {
        end(timer)?.()
      } catch (error) {
        // As if it had a timer of its own: the others run, and nobody catches it.
        queueMicrotask(() => {
          throw error
        })
      }
    }
    if (waiting > 0) return
    clearInterval(ticking)
    ticking = undefined
  }

  return {
    start(ms, run) {
      const nowMs = performance.now()
      const dueMs = nowMs + Math.max(0, ms)
      if (ticking === undefined) {
        tick = tickOf(nowMs)
        ticking = setInterval(turn, tickMs).unref()
      }
      // The tick that ends after it is due.
      const slot = (tickOf(dueMs) + 1) % SLOTS
      const after = slots[slot]
      const timer: WheelTimer = { run, dueMs, before: undefined, after, slot }
      if (after !== undefined) after.before = timer
      slots[slot] = timer
      waiting += 1
      return timer
    },
    stop: timer => void end(timer),
    count: () => waiting,
  }
}
