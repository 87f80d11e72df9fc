// The providers with their keys and circuits; who is an admin can switch a circuit here.
import { useSignal } from '@preact/signals'
import { SetCircuitRequest_Action as Action } from '#gen/exai/v1/monitoring_service_pb'
import {
  type Circuit,
  Circuit_State,
  type ProviderKeyStatus,
  type ProviderStatus,
} from '#gen/exai/v1/status_pb'
import { type Failure, failureOf } from '../failure.ts'
import { now, status, watches } from '../feed.ts'
import { ago, bytes, milliseconds, percent, plural, span } from '../format.ts'
import { Badge } from '../icons.tsx'
import { client, may } from '../session.ts'
import { Empty, Failed, Waiting } from '../states.tsx'
import { circuitWord, healthWord, isUnused, keyWord } from '../words.ts'

/** The providers and the stores. */
export function Providers() {
  const told = status.value
  const state = watches.value?.status.state.value
  if (told === undefined) {
    return state?.state === 'refused' || state?.state === 'lost' ? (
      <Failed failure={state.failure} what="The state of the providers" />
    ) : (
      <Waiting what="Asking how they are" />
    )
  }
  const { providers, circuits, stores, backlog } = told
  return (
    <>
      {!may('admin') && (
        <p class="hint">Circuits can be switched with the scope admin, which this token does not have.</p>
      )}
      {providers.length === 0 && (
        <Empty>No provider is configured. Set a key such as OPENAI_API_KEY and start again.</Empty>
      )}
      <div class="providers">
        {providers
          .filter(each => !isUnused(each))
          .map(each => (
            <Provider
              key={each.provider}
              provider={each}
              circuits={circuits.filter(({ provider }) => provider === each.provider)}
            />
          ))}
      </div>
      {providers.some(isUnused) && (
        <section class="card">
          <h2>Not set up</h2>
          <ul class="plain rows">
            {providers.filter(isUnused).map(({ provider, detail }) => (
              <li key={provider}>
                <Badge tone="idle" text="no key" /> <b>{provider}</b> <span class="hint">{detail}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section class="card">
        <h2>Stores</h2>
        <ul class="plain rows">
          {stores.map(({ name, state: health, detail, freeBytes }) => (
            <li key={name}>
              <Badge {...healthWord(health)} /> <b>{name}</b>{' '}
              <span class="hint">
                {detail}
                {freeBytes !== undefined && ` ${bytes(freeBytes)} free`}
              </span>
            </li>
          ))}
        </ul>
        <p class="hint">
          {backlog === undefined || backlog.rowCount === 0
            ? 'Nothing waits to be written behind the embedded store.'
            : `${plural(backlog.rowCount, 'row')} wait to be written behind it, the oldest for ${span(backlog.oldestAgeDuration && milliseconds(backlog.oldestAgeDuration))}.`}
        </p>
      </section>
    </>
  )
}

function Provider({
  provider,
  circuits,
}: {
  readonly provider: ProviderStatus
  readonly circuits: readonly Circuit[]
}) {
  const { provider: id, state, detail, changeTime, keys } = provider
  return (
    <section class="card provider" aria-label={id}>
      <h2>
        {id} <Badge {...healthWord(state)} />
        {changeTime !== undefined && <span class="hint"> {ago(now.value - milliseconds(changeTime))}</span>}
      </h2>
      {detail !== '' && <p class="detail">{detail}</p>}
      <h3>Keys</h3>
      {keys.length === 0 ? <Empty>It needs none, or has none.</Empty> : <Keys keys={keys} />}
      <h3>Circuits</h3>
      {circuits.length === 0 ? (
        <Empty>No model was called yet; all are closed.</Empty>
      ) : (
        <ul class="plain rows">
          {circuits.map(each => (
            <CircuitRow key={each.model} circuit={each} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Keys({ keys }: { readonly keys: readonly ProviderKeyStatus[] }) {
  return (
    <ul class="plain rows">
      {keys.map(({ label, state, coolDownUntilTime, detail }) => (
        <li key={label}>
          <Badge {...keyWord(state)} /> <code>{label}</code>{' '}
          <span class="hint">
            {detail}
            {coolDownUntilTime !== undefined &&
              `${detail === '' ? '' : ' · '}again in ${span(Math.max(0, milliseconds(coolDownUntilTime) - now.value))}`}
          </span>
        </li>
      ))}
    </ul>
  )
}

function CircuitRow({ circuit }: { readonly circuit: Circuit }) {
  const { model, state, reason, failureRatio, callCount, probeTime, held, changeTime } = circuit
  const word = circuitWord(state)
  return (
    <li class="circuit">
      <div class="circuit-what">
        <Badge tone={word.tone} text={held ? 'held open' : word.text} />{' '}
        <b>{model === '*' ? 'models that share a circuit' : model}</b>
        <span class="hint">
          {' '}
          {callCount === 0
            ? 'window empty'
            : `${percent(failureRatio)} of ${plural(callCount, 'call')} failed`}
          {reason !== '' && state !== Circuit_State.CLOSED && ` · ${reason}`}
          {changeTime !== undefined &&
            state !== Circuit_State.CLOSED &&
            ` · ${ago(now.value - milliseconds(changeTime))}`}
          {probeTime !== undefined && ` · probe in ${span(Math.max(0, milliseconds(probeTime) - now.value))}`}
        </span>
      </div>
      {may('admin') && <Switch circuit={circuit} />}
    </li>
  )
}

function Switch({ circuit: { provider, model, state, held } }: { readonly circuit: Circuit }) {
  const failure = useSignal<Failure | undefined>(undefined)
  const isBusy = useSignal(false)
  const isAsking = useSignal(false)
  const reason = useSignal('')
  const act = async (action: Action): Promise<void> => {
    isBusy.value = true
    failure.value = undefined
    try {
      await client.monitoring.setCircuit({ provider, model, action, reason: reason.value })
      isAsking.value = false
      reason.value = ''
    } catch (thrown) {
      failure.value = failureOf(thrown)
    }
    isBusy.value = false
  }
  const name = `${provider} ${model}`
  if (isAsking.value) {
    return (
      <form
        class="switch-form"
        onSubmit={event => {
          event.preventDefault()
          void act(Action.OPEN)
        }}
      >
        <label>
          Why (for the audit log)
          <input
            maxLength={200}
            value={reason.value}
            onInput={event => {
              reason.value = event.currentTarget.value
            }}
          />
        </label>
        <button type="submit" class="danger" disabled={isBusy.value}>
          Hold {model} open
        </button>
        <button
          type="button"
          onClick={() => {
            isAsking.value = false
          }}
        >
          Cancel
        </button>
        {failure.value !== undefined && (
          <Failed failure={failure.value} what="The circuit was not switched" />
        )}
      </form>
    )
  }
  return (
    <div class="switches">
      {!held && (
        <button
          type="button"
          aria-label={`Open the circuit of ${name}`}
          disabled={isBusy.value}
          onClick={() => {
            isAsking.value = true
          }}
        >
          Open …
        </button>
      )}
      {state === Circuit_State.OPEN && (
        <button
          type="button"
          aria-label={`Probe ${name}`}
          disabled={isBusy.value}
          onClick={() => void act(Action.CLOSE)}
        >
          Probe
        </button>
      )}
      {(held || state !== Circuit_State.CLOSED) && (
        <button
          type="button"
          aria-label={`Reset the circuit of ${name}`}
          disabled={isBusy.value}
          onClick={() => void act(Action.RESET)}
        >
          Reset
        </button>
      )}
      {failure.value !== undefined && <Failed failure={failure.value} what="The circuit was not switched" />}
    </div>
  )
}
