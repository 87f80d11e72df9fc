// Says in one line whether all is well, and below it everything that is not, with its remedy.
import { Circuit_State, HealthState, type Status } from '#gen/exai/v1/status_pb'
import { now, status, watches } from '../feed.ts'
import { ago, milliseconds, plural, span } from '../format.ts'
import { Badge } from '../icons.tsx'
import { Failed, Waiting } from '../states.tsx'
import { circuitWord, healthWord, isUnused, type Word } from '../words.ts'

interface Concern {
  readonly word: Word
  readonly name: string
  readonly detail: string
  readonly sinceMs: number | undefined
}

const CONCERNS_SHOWN = 6

/** The state of the whole. */
export function Health() {
  const told = status.value
  const state = watches.value?.status.state.value
  if (told === undefined) {
    return (
      <section class="card health">
        {state?.state === 'refused' || state?.state === 'lost' ? (
          <Failed failure={state.failure} what="The state of the gateway" />
        ) : (
          <Waiting what="Asking how it is" />
        )}
      </section>
    )
  }
  const word = healthWord(told.state)
  const concerns = concernsOf(told)
  const isStale = state?.state === 'lost'
  return (
    <section class={`card health ${isStale ? 'stale' : word.tone}`} aria-label="Health" aria-live="polite">
      <p class="health-line">
        <Badge
          tone={isStale ? 'idle' : word.tone}
          text={isStale ? `Not connected; last known: ${titleOf(told).toLowerCase()}` : titleOf(told)}
        />
        <span class="hint">
          {isStale ? `as it was ${ago(now.value - updatedMs(told))} · ` : ''}
          {summaryOf(told)}
        </span>
      </p>
      {concerns.length > 0 && (
        <ul class="plain concerns">
          {concerns.slice(0, CONCERNS_SHOWN).map(({ word: mark, name, detail, sinceMs }) => (
            <li key={name}>
              <Badge tone={mark.tone} text={mark.text} /> <b>{name}</b> {detail}
              {sinceMs !== undefined && <span class="hint"> · {ago(now.value - sinceMs)}</span>}
            </li>
          ))}
          {concerns.length > CONCERNS_SHOWN && (
            <li class="hint">and {concerns.length - CONCERNS_SHOWN} more: see Providers</li>
          )}
        </ul>
      )}
    </section>
  )
}

function titleOf({ state, draining }: Status): string {
  if (draining) return 'Shutting down'
  if (state === HealthState.HEALTHY) return 'All is well'
  return state === HealthState.DEGRADED ? 'Degraded' : 'Not working'
}

function summaryOf(told: Status): string {
  const { providers, circuits, configVersion, uptime, instance } = told
  const unused = providers.filter(isUnused)
  const open = circuits.filter(({ state }) => state !== Circuit_State.CLOSED).length
  const parts = [
    plural(providers.length - unused.length, 'provider'),
    ...(unused.length === 0 ? [] : [`${unused.map(({ provider }) => provider).join(', ')} without a key`]),
    open === 0
      ? `${plural(circuits.length, 'circuit')} closed`
      : `${open} of ${plural(circuits.length, 'circuit')} not closed`,
    `configuration ${configVersion}`,
    ...(uptime === undefined ? [] : [`up ${span(milliseconds(uptime) + now.value - updatedMs(told))}`]),
    ...(instance === '' ? [] : [instance]),
  ]
  return parts.join(' · ')
}

function updatedMs({ updateTime }: Status): number {
  return updateTime === undefined ? now.peek() : milliseconds(updateTime)
}

// A circuit is the most exact of what is wrong: its provider and the component above it only repeat it.
function concernsOf({ components, providers, circuits, stores, backlog }: Status): readonly Concern[] {
  const since = (time: { seconds: bigint; nanos: number } | undefined): number | undefined =>
    time && milliseconds(time)
  const named = (
    name: string,
    {
      state,
      detail,
      changeTime,
    }: (typeof components)[number] | (typeof providers)[number] | (typeof stores)[number],
  ): readonly Concern[] =>
    state === HealthState.HEALTHY
      ? []
      : [{ word: healthWord(state), name, detail, sinceMs: since(changeTime) }]
  const broken = circuits
    .filter(({ state }) => state !== Circuit_State.CLOSED)
    .map(({ provider, model, state, reason, changeTime }) => ({
      word: { ...circuitWord(state), text: `circuit ${circuitWord(state).text}` },
      name: `${provider}/${model}`,
      detail: reason,
      sinceMs: since(changeTime),
    }))
  const storeNames = new Set(stores.map(({ name }) => name))
  const dead = backlog?.deadLetterCount ?? 0
  return [
    ...providers.filter(each => !isUnused(each)).flatMap(each => named(each.provider, each)),
    ...broken,
    ...stores.flatMap(each => named(each.name, each)),
    ...components
      .filter(({ name }) => !/^providers?(?:$|\/)/.test(name) && !storeNames.has(name))
      .flatMap(each => named(each.name, each)),
    ...(dead === 0
      ? []
      : [
          {
            word: { text: 'kept apart', tone: 'warn' as const },
            name: 'backlog',
            detail: `${plural(dead, 'row')} were refused for good`,
            sinceMs: undefined,
          },
        ]),
  ]
}
