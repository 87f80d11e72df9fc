// Tells which calls the event loop has no time for: those that lie too far back in a long turn, and in a standing overload all but so many a turn.
import { performance } from 'node:perf_hooks'

/** What the event loop tells of itself. */
export interface LoopGauge {
  /** How long it has waited for something to do since its start, in milliseconds. */
  idleMs(): number
  /** The number of its turn. */
  turn(): number
  /** How long it has had a core, in milliseconds. */
  cpuMs(): number
}

/** The loop of this thread. */
export const LOOP: LoopGauge = {
  idleMs: () => performance.nodeTiming.idleTime,
  turn: () => performance.nodeTiming.uvMetricsInfo.loopCount,
  cpuMs() {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  },
}

// As shares of OVERLOAD_DELAY. Calls wait in a turn of the loop when they lie further back in it than this; when such turns take
// up most of each window for so long, calls wait everywhere and always, and a turn may only have so much work.
const WAITING_SHARE = 1 / 100
const WINDOW_SHARE = 1 / 20
const BEGIN_SHARE = 1 / 8
const END_SHARE = 1 / 4
const SECOND_SHARE = 1 / 4
const TURN_SHARE = 1 / 400
/** What most of a window is. */
const MOST = 0.8
/** Of the calls that came in a window: with fewer refusals, there is room for nearly all. */
const FEW = 1 / 20
/** Of the calls that come in a turn so many are taken in any case: where many repeat what was refused at once, refusals fill each turn. */
const LEAST = 1 / 100
/** A process that has worked for less, its start included, still compiles its code: it is slow now, and soon not, in milliseconds. */
const YOUNG_MS = 5_000
/** So much of a turn is not looked at, in milliseconds. */
const UNMEASURED_MS = 2
/** A single long turn is none: something else has taken its time. */
const STANDING_WINDOWS_MIN = 3
/** How the calls that a turn may take are changed by it: never by much, for a collection of garbage makes a long turn, too. */
const CHANGE = { least: 1 / 2, most: 1.1 } as const

/** What a turn was. */
interface Turn {
  /** From its first call to that of the next one, in milliseconds. */
  readonly passedMs: number
  readonly idleMs: number
  /** Whether its last calls have waited for long. */
  readonly isLong: boolean
  readonly asked: number
  readonly refused: number
}

/** Tells whether a call has come later than it may wait. To be asked once for each call. */
export function createLateness(delayMs: number, loop: LoopGauge): (nowMs: number) => boolean {
  const standing = createStanding(delayMs)
  const room = createRoom(delayMs * TURN_SHARE)
  let turn = -1
  let turnAtMs = 0
  let turnIdleMs = 0
  let turnCpuMs: number | undefined
  let workMs = 0
  let isYoung = true
  let asked = 0
  let refused = 0

  function begin(now: number, nowMs: number): void {
    const wasStanding = standing.is()
    const idleMs = loop.idleMs()
    const passed = { passedMs: nowMs - turnAtMs, idleMs: idleMs - turnIdleMs }
    const isLong = workMs > delayMs * WAITING_SHARE
    // Turns without a call may have come between; what was idle of it is not a part of the long one.
    if (turn >= 0) standing.turned({ ...passed, isLong, asked, refused })
    // It costs a system call, and in a turn of an overload only one.
    const cpuMs = standing.is() ? loop.cpuMs() : undefined
    if (!standing.is()) room.empty()
    else if (wasStanding && cpuMs !== undefined && turnCpuMs !== undefined)
      room.turned(Math.min(passed.passedMs - passed.idleMs, cpuMs - turnCpuMs), refused > 0)
    if (cpuMs !== undefined) isYoung = cpuMs < YOUNG_MS
    turn = now
    turnAtMs = nowMs
    turnIdleMs = idleMs
    turnCpuMs = cpuMs
    workMs = 0
    asked = 0
    refused = 0
  }

  /** Whether it waits for more work than may lie before it. */
  function isFarBack(nowMs: number): boolean {
    // To ask for it costs a system call, and most turns are over before.
    if (nowMs - turnAtMs > UNMEASURED_MS) {
      const cpuMs = loop.cpuMs()
      turnCpuMs ??= cpuMs
      isYoung = cpuMs < YOUNG_MS
      workMs = UNMEASURED_MS + cpuMs - turnCpuMs
    }
    return workMs > delayMs * (isYoung ? 1 : standing.share())
  }

  return nowMs => {
    const now = loop.turn()
    if (now !== turn) begin(now, nowMs)
    const isLate =
      standing.is() && !isYoung ? asked - refused >= Math.max(room.calls(), asked * LEAST) : isFarBack(nowMs)
    asked += 1
    if (isLate) refused += 1
    return isLate
  }
}

/** Tells, turn by turn, whether more comes than can be done, by how most of the time has been spent for long. */
function createStanding(delayMs: number) {
  let windowMs = 0
  let windowLongMs = 0
  let windowIdleMs = 0
  let windowAsked = 0
  let windowRefused = 0
  let windows = 0
  let longForMs = 0
  let shortForMs = 0
  let isStanding = false
  // Turns are short as long as calls are refused, so that tells nothing then.
  const isFull = (): boolean =>
    isStanding
      ? windowIdleMs <= windowMs * (1 - MOST) && windowRefused > windowAsked * FEW
      : windowLongMs >= windowMs * MOST

  return {
    is: () => isStanding,
    /** What a call may wait until it is known, as a share of the delay: the whole of it in a burst, that is when the turns before were short. */
    share: () => (windows > 0 ? SECOND_SHARE : 1),
    turned({ passedMs, idleMs, isLong, asked, refused }: Turn): void {
      windowMs += passedMs
      windowIdleMs += idleMs
      windowLongMs += isLong ? passedMs - idleMs : 0
      windowAsked += asked
      windowRefused += refused
      if (windowMs < delayMs * WINDOW_SHARE) return
      if (isFull()) {
        windows += 1
        longForMs += windowMs
        shortForMs = 0
      } else {
        windows = 0
        longForMs = 0
        shortForMs += windowMs
      }
      windowMs = 0
      windowIdleMs = 0
      windowLongMs = 0
      windowAsked = 0
      windowRefused = 0
      if (longForMs >= delayMs * BEGIN_SHARE && windows >= STANDING_WINDOWS_MIN) isStanding = true
      else if (shortForMs >= delayMs * END_SHARE) isStanding = false
    },
  }
}

/**
 * How many calls a turn may take, so that it has about so much work in all. Begins with one: what was let in before it was
 * known has yet to be done.
 */
function createRoom(turnMs: number) {
  let calls = 1
  return {
    calls: () => Math.floor(calls),
    empty(): void {
      calls = 1
    },
    /** Tells of a turn how much work it was, and whether more calls came than it took. */
    turned(workMs: number, wasFull: boolean): void {
      const change = workMs > 0 ? turnMs / workMs : CHANGE.most
      if (change > 1 && !wasFull) return
      calls = Math.max(1, calls * Math.min(CHANGE.most, Math.max(CHANGE.least, change)))
    },
  }
}
