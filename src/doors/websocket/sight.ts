// From the state and the events of the service to what a subscription shows of them.
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { type Event, type RequestRecord, Severity } from '#gen/exai/v1/event_pb'
import { Limit_Kind as LimitKind } from '#gen/exai/v1/key_pb'
import {
  Circuit_State as CircuitState,
  HealthState,
  ProviderKeyStatus_State as KeyState,
  type Status,
} from '#gen/exai/v1/status_pb'
import { reasonOfWire } from '../../core/errors.ts'
import type { Tally } from './tally.ts'

/** The providers as they are, with what was seen of each. */
export function providersShown({ providers, circuits }: Status, tally: Tally): object {
  return {
    providers: providers.map(({ provider, state, detail, keys }) => ({
      provider,
      status: nameOf(HealthState, state),
      detail: detail === '' ? undefined : detail,
      ...tally.provider(provider),
      keys: { total: keys.length, ready: keys.filter(key => key.state === KeyState.READY).length },
      circuits: circuits
        .filter(circuit => circuit.provider === provider && circuit.state !== CircuitState.CLOSED)
        .map(({ model, state: stands, reason }) => ({ model, state: nameOf(CircuitState, stands), reason })),
    })),
  }
}

/** What an event alerts to; undefined when it is the normal course of things. */
export function alertOf(event: Event): object | undefined {
  const { kind, severity, requestId, tenant } = event
  // A circuit that closes and an alert that ends are good news about bad ones.
  const isNews = kind.case === 'circuit' || kind.case === 'alert'
  if (kind.case === undefined || (severity < Severity.WARNING && !isNews)) return undefined
  return {
    kind: kind.case,
    severity: nameOf(Severity, severity),
    ...factsOf(kind),
    request_id: requestId === '' ? undefined : requestId,
    tenant: tenant === '' ? undefined : tenant,
  }
}

interface Facts {
  readonly message: string
  readonly code?: string | undefined
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly firing?: boolean
}

function factsOf(kind: Event['kind']): Facts {
  switch (kind.case) {
    case 'request':
      return requestFacts(kind.value.request)
    case 'attempt': {
      const { provider = '', model = '', error = ErrorReason.UNSPECIFIED } = kind.value.attempt ?? {}
      return { message: `${provider} failed to answer`, code: reasonOf(error), provider, model }
    }
    case 'circuit': {
      const {
        provider = '',
        model = '',
        state = CircuitState.UNSPECIFIED,
        reason = '',
      } = kind.value.circuit ?? {}
      const stands = nameOf(CircuitState, state)
      const why = reason === '' ? '' : `: ${reason}`
      return { message: `the circuit of ${provider} ${model} is ${stands}${why}`, provider, model }
    }
    case 'limit': {
      const { limit, refused } = kind.value
      const name = nameOf(LimitKind, limit?.kind ?? 0)
      return { message: refused ? `${name} refused a call` : `${name} is nearly reached`, code: name }
    }
    case 'file': {
      const { error, provider } = kind.value
      return { message: 'a file could not be copied', code: reasonOf(error), provider: given(provider) }
    }
    case 'config':
      return { message: ['the configuration was refused', ...kind.value.problems].join('; ') }
    case 'alert': {
      const { name, firing, message, provider, model } = kind.value
      return { message, code: name, firing, provider: given(provider), model: given(model) }
    }
    default:
      return { message: 'something of a kind that is not known here' }
  }
}

function requestFacts(record: RequestRecord | undefined): Facts {
  const { error = ErrorReason.UNSPECIFIED, provider = '', model = '', method = '' } = record ?? {}
  return {
    message: `${method} failed`,
    code: reasonOf(error),
    provider: given(provider),
    model: given(model),
  }
}

function given(text: string): string | undefined {
  return text === '' ? undefined : text
}

function reasonOf(error: ErrorReason): string | undefined {
  return reasonOfWire(error)
}

/** The name of a value as frames have it: lower case, without what the contract puts before it. */
function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  const name = Object.keys(values).find(one => values[one] === value)
  return (name ?? 'unspecified').toLowerCase()
}
