// Performs a cell: makes its calls as the scenario says, one after another or beside each other, and has each one judged.
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Made } from './call.ts'
import { judgeCall } from './judge.ts'
import type { CallPlan } from './scenario.ts'
import { type Cast, type Stage, untilNone } from './stage.ts'
import { OPEN_MS } from './wants.ts'

/** What a performance showed so far; money is looked at when all cells of the stage are over. */
export interface Performance {
  readonly cast: Cast
  readonly made: readonly Made[]
  readonly problems: readonly string[]
  readonly ms: number
}

const POLL_MS = 5
/** Timers of a busy process are late. */
const LATE_MS = 200
const MOMENT_MS = 5000

/** Performs it. */
export async function perform(cast: Cast, stage: Pick<Stage, 'client' | 'operate'>): Promise<Performance> {
  const { plan, shape } = cast.cell
  const startedAtMs = performance.now()
  const running: Promise<Made>[] = []
  let count = 0

  async function make(call: CallPlan): Promise<Made> {
    const requestId = `${cast.id}-${count++}`
    const leaving = new AbortController()
    const isOver = new AbortController()
    const { leave, idempotencyKey, deadlineMs, words = 'What is it about?' } = call
    const left = leaveWhen(call, cast, leaving, isOver.signal)
    const seen = await ask(stage.client, {
      shape,
      requestId,
      model: cast.preferred.model,
      fallbackModels: cast.fallback === undefined ? [] : [cast.fallback.model],
      text: words,
      hasTool: plan.hasTool === true,
      // Keys are the tenant's, and the tenant is everybody on the stage.
      idempotencyKey: idempotencyKey && `${cast.id}-${idempotencyKey}`,
      deadlineMs,
      allows: call.allows,
      isResumed: call.isResumed,
      leaving,
      leaveAt: leave === 'text' ? 'textDelta' : leave === 'tool call' ? 'toolCallStart' : undefined,
    })
    isOver.abort()
    await left
    return { plan: call, seen, requestId }
  }

  for (const call of plan.calls) {
    if (call.isBeside !== true) await Promise.all(running)
    if (call.before !== undefined) await prepare(call.before, cast, stage)
    for (let time = 1; time < (call.times ?? 1); time += 1) {
      running.push(make(call))
      await running.at(-1)
    }
    running.push(make(call))
  }
  const made = await Promise.all(running)
  const ms = performance.now() - startedAtMs
  const problems = made.flatMap(({ plan: call, seen }, index) => {
    const prefix = made.length === 1 ? '' : `call ${index + 1}: `
    return judgeCall(call.want, seen, cast).map(problem => prefix + problem)
  })
  return { cast, made, problems: [...problems, ...(await reachOf(cast)), ...(await openOf(cast))], ms }
}

/** Leaves at the moment that the plan names, unless that is an event, which the call itself sees. */
async function leaveWhen(
  { leave }: CallPlan,
  { preferred, fallback }: Cast,
  leaving: AbortController,
  isOver: AbortSignal,
): Promise<void> {
  if (leave === undefined || leave === 'text' || leave === 'tool call') return
  const measure = {
    asked: preferred.reached,
    begun: preferred.bytesSent,
    'fallback asked': () => fallback?.reached() ?? 0,
  }[leave]
  const before = measure()
  const endAtMs = performance.now() + MOMENT_MS
  while (measure() === before && !isOver.aborted && performance.now() < endAtMs) await sleep(POLL_MS)
  leaving.abort()
}

async function prepare(
  what: NonNullable<CallPlan['before']>,
  { preferred }: Cast,
  { operate }: Pick<Stage, 'operate'>,
): Promise<void> {
  switch (what) {
    case 'the circuit has been open long enough':
      // A circuit opens at some moment during the calls before, so after this time it has been open long enough.
      return sleep(OPEN_MS + LATE_MS)
    case 'an operator opens its circuit':
      return operate(preferred.id, 'ACTION_OPEN')
    case 'an operator resets its circuit':
      return operate(preferred.id, 'ACTION_RESET')
    case 'the provider ends idle connections':
      preferred.endIdleConnections()
      await untilNone(preferred.openSockets)
  }
}

/** Requests must be as many as attempts, or as the scenario says. */
async function reachOf({ cell: { plan }, preferred, fallback }: Cast): Promise<readonly string[]> {
  const players = { preferred, fallback }
  return (['preferred', 'fallback'] as const).flatMap(who => {
    const player = players[who]
    if (player === undefined) return []
    const isThere = (plan[who] === 'none' ? undefined : plan[who])?.place
    const attempts = plan.calls.reduce(
      (sum, { want, times = 1 }) => sum + times * want.attempts.filter(one => one.who === who).length,
      0,
    )
    const expected = plan.reach?.[who] ?? (isThere === 'nobody' || isThere === 'busy' ? 0 : attempts)
    const reached = player.reached()
    return reached === expected ? [] : [`the ${who} provider got ${reached} requests, not ${expected}`]
  })
}

/** Nothing may run on after the calls: what was cut off has to be closed. */
async function openOf({ preferred, fallback }: Cast): Promise<readonly string[]> {
  const open = await untilNone(() => preferred.running() + (fallback?.running() ?? 0))
  return open === 0 ? [] : [`${open} requests to providers are still open`]
}
