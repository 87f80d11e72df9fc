// The built-in alerts: which are on is computed from the state, and whoever listens is told when one begins and ends.
import type { Clock } from '../core/clock.ts'
import type { AlertEvent, EventSink, LimitEvent } from '../core/gateway-event.ts'
import { isBudget, resetAtMs } from '../metering/limit-windows.ts'
import type { GatewayState } from './state.ts'

/** Something that somebody should know. */
export type Alert = Omit<AlertEvent, 'type'>

/** The alerts of a process. */
export interface Alerts {
  /** Takes how everything is now. */
  update(state: GatewayState): void
  /** Takes what happened to a limit: a budget that is nearly spent is an alert until it begins anew. */
  limit(event: LimitEvent): void
  /** Takes whether calls are refused because there is too much to do, and what there is too much of. */
  overload(cause: string | undefined): void
  /** Takes how late timers came lately at worst, in milliseconds. */
  loopDelay(ms: number): void
  /** Those that are on. */
  firing(): readonly Alert[]
}

/** What alerts are made with. */
export interface AlertsDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly onEvent: EventSink
}

/** Rows that wait longer than this for the stores behind are an alert, in milliseconds. */
const BACKLOG_OLD_MS = 60_000
/** From this lateness of timers on, calls feel it, in milliseconds. */
const LOOP_SLOW_MS = 200
/** Budgets that are remembered as nearly spent. */
const BUDGETS_MAX = 1_000

/** Makes them; none is on. */
export function createAlerts({ clock, onEvent }: AlertsDeps): Alerts {
  const firing = new Map<string, Alert>()
  const budgets = new Map<string, { readonly alert: Alert; readonly untilMs: number }>()
  let delayMs = 0
  let overload: string | undefined
  let state: GatewayState | undefined

  function look(): void {
    const now = clock.now()
    for (const [key, { untilMs }] of budgets) if (untilMs <= now) budgets.delete(key)
    const all = [
      ...(state === undefined ? [] : alertsOf(state)),
      ...(delayMs >= LOOP_SLOW_MS ? [loopAlert(delayMs)] : []),
      ...(overload === undefined ? [] : [overloadAlert(overload)]),
      ...[...budgets.values()].map(({ alert }) => alert),
    ]
    const on = new Map(all.map(alert => [keyOf(alert), alert]))
    for (const [key, alert] of firing)
      if (!on.has(key)) {
        firing.delete(key)
        onEvent({ type: 'alert.ended', ...alert })
      }
    for (const [key, alert] of on) {
      const isNew = !firing.has(key)
      firing.set(key, alert)
      if (isNew) onEvent({ type: 'alert.began', ...alert })
    }
  }

  return {
    update(now) {
      state = now
      look()
    },
    limit(event) {
      const { kind, tenant, whose, model = '' } = event
      if (!isBudget(kind) || kind === 'stored_bytes' || kind === 'concurrent_calls') return
      if (budgets.size >= BUDGETS_MAX) return
      const what = `${kind} of ${whose}${model === '' ? '' : ` for ${model}`}`
      const message = `nine tenths of the ${what} are used: raise it, or calls will be refused`
      const alert = { ...NOBODY, name: 'budget_nearly_spent', isGrave: false, message, tenant, model }
      budgets.set(`${what} ${tenant}`, { alert, untilMs: resetAtMs(kind, clock.now()) })
      look()
    },
    overload(cause) {
      if (cause === overload) return
      overload = cause
      look()
    },
    loopDelay(ms) {
      delayMs = ms
      look()
    },
    firing: () => [...firing.values()],
  }
}

const NOBODY = { tenant: '', provider: '', model: '' } as const

function keyOf({ name, tenant, provider, model, message }: Alert): string {
  return JSON.stringify([name, tenant, provider, model, name === 'budget_nearly_spent' ? message : ''])
}

function alertsOf({ circuits, components, backlog }: GatewayState): readonly Alert[] {
  const open = circuits.filter(({ state }) => state === 'open')
  return [
    ...open.map(({ provider, model, reason, held }) => ({
      ...NOBODY,
      name: 'circuit_open',
      isGrave: false,
      message: held
        ? `an operator holds it open: ${reason}`
        : `${reason}: calls go elsewhere until a probe succeeds`,
      provider,
      model,
    })),
    ...components.flatMap(({ name, status, reason }) => {
      const alert = PARTS[name]
      const isOn = alert !== undefined && (status === 'unhealthy' || (alert.isEarly && status === 'degraded'))
      return isOn ? [{ ...NOBODY, name: alert.name, isGrave: alert.isGrave, message: reason }] : []
    }),
    ...(backlog.ageMs <= BACKLOG_OLD_MS
      ? []
      : [
          {
            ...NOBODY,
            name: 'backlog_old',
            isGrave: false,
            message: `${backlog.rows} rows wait to be copied, the oldest for more than a minute: look at the store behind`,
          },
        ]),
  ]
}

/** Parts whose trouble is an alert; `isEarly`: already when they are degraded. */
const PARTS: Readonly<
  Record<string, { readonly name: string; readonly isGrave: boolean; readonly isEarly: boolean } | undefined>
> = {
  store: { name: 'store_cannot_write', isGrave: true, isEarly: false },
  config: { name: 'config_refused', isGrave: true, isEarly: true },
  certificate: { name: 'certificate_expiring', isGrave: true, isEarly: true },
}

function loopAlert(delayMs: number): Alert {
  return {
    ...NOBODY,
    name: 'event_loop_slow',
    isGrave: false,
    message: `timers came up to ${Math.round(delayMs)} ms late: the process has too much to do for one core`,
  }
}

function overloadAlert(cause: string): Alert {
  const what = cause === 'event_loop' ? 'core' : cause === 'store' ? 'disk' : 'memory'
  return {
    ...NOBODY,
    name: 'overloaded',
    isGrave: true,
    message: `new calls are refused as OVERLOADED, the ${what} of the process is used up: add processes`,
  }
}
