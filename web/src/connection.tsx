// Says how the connection to the gateway stands, and what it is waiting for.
import { now, status, watches } from './feed.ts'
import { span } from './format.ts'
import { Badge } from './icons.tsx'
import type { WatchState } from './watch.ts'
import type { Word } from './words.ts'

/** The sign of the connection, and the way to hurry it. */
export function Connection() {
  const both = watches.value
  const state = both?.status.state.value
  const word = wordOf(state, status.value?.draining === true)
  return (
    <div class="connection" role="status">
      <Badge tone={word.tone} text={word.text} />
      {state?.state === 'lost' && (
        <>
          <span class="hint connection-why">{whyOf(state)}</span>
          <button type="button" class="quiet" onClick={() => retry()}>
            Try now
          </button>
        </>
      )}
    </div>
  )
}

function retry(): void {
  watches.value?.status.retryNow()
  watches.value?.events.retryNow()
}

function wordOf(state: WatchState | undefined, isDraining: boolean): Word {
  if (state === undefined || state.state === 'connecting') return { text: 'connecting', tone: 'busy' }
  if (state.state === 'refused') return { text: state.failure.reason, tone: 'bad' }
  if (state.state === 'lost') {
    const isLeaving = state.failure.kind === 'shutting-down'
    return isLeaving ? { text: 'shutting down', tone: 'warn' } : { text: 'disconnected', tone: 'bad' }
  }
  return isDraining ? { text: 'draining', tone: 'warn' } : { text: 'live', tone: 'ok' }
}

function whyOf({ retryAtMs }: Extract<WatchState, { state: 'lost' }>): string {
  // Read so that the line counts down.
  void now.value
  const leftMs = retryAtMs - Date.now()
  return leftMs < 500 ? 'trying again …' : `trying again in ${span(Math.ceil(leftMs / 1000) * 1000)}`
}
