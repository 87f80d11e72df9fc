// Which events a watcher wants and may see. A filter that can match nothing is refused.

import { EventKind, Severity } from '#gen/exai/v1/event_pb'
import type { WatchEventsRequest } from '#gen/exai/v1/monitoring_service_pb'
import { type Caller, hasScope } from '../core/caller.ts'
import { GatewayError } from '../core/errors.ts'
import type { SeenEvent } from './event-message.ts'

/** Whether a watcher gets an event. */
export type EventFilter = (event: SeenEvent) => boolean

const KINDS: ReadonlySet<EventKind> = new Set([
  EventKind.REQUEST,
  EventKind.ATTEMPT,
  EventKind.CIRCUIT,
  EventKind.LIMIT,
  EventKind.FILE,
  EventKind.CONFIG,
  EventKind.ALERT,
])
const SEVERITIES: ReadonlySet<Severity> = new Set([
  Severity.UNSPECIFIED,
  Severity.INFO,
  Severity.WARNING,
  Severity.ERROR,
])
/** Events of these are about no provider. */
const WITHOUT_PROVIDER: ReadonlySet<EventKind> = new Set([EventKind.LIMIT, EventKind.CONFIG])
const SAMPLED: ReadonlySet<EventKind> = new Set([EventKind.REQUEST, EventKind.ATTEMPT])

/**
 * Makes the filter. Throws INVALID_REQUEST for one that can match nothing, and PERMISSION_DENIED for a tenant that the caller
 * may not see. `configured`: ids of the providers that there are.
 */
export function eventFilter(
  caller: Caller,
  request: WatchEventsRequest,
  configured: readonly string[],
): EventFilter {
  const { kinds, minSeverity, sampleRatio: ratio = 1 } = request
  for (const kind of kinds)
    if (!KINDS.has(kind)) throw refused(`kinds has ${kind}, and no event is of that kind: use EventKind`)
  if (!SEVERITIES.has(minSeverity))
    throw refused(`min_severity is ${minSeverity}, and no event matters so much: use Severity`)
  for (const id of request.providers)
    if (!configured.includes(id))
      throw refused(`no provider has the id ${shown(id)}; configured: ${configured.join(', ')}`)
  if (!(ratio > 0 && ratio <= 1)) throw refused('sample_ratio must be above 0 and at most 1')
  if (request.providers.length > 0 && kinds.length > 0 && kinds.every(kind => WITHOUT_PROVIDER.has(kind)))
    throw refused('kinds and providers match nothing together: limit and config events are about no provider')
  const mayConcern = tenantFilter(caller, request.tenant)
  const providers = new Set(request.providers)
  const wanted = new Set(kinds)
  return event =>
    (wanted.size === 0 || wanted.has(event.kind)) &&
    event.severity >= minSeverity &&
    (providers.size === 0 || event.providers.some(id => providers.has(id))) &&
    mayConcern(event) &&
    (ratio === 1 ||
      !SAMPLED.has(event.kind) ||
      event.severity === Severity.ERROR ||
      shareOf(event.requestId) < ratio)
}

function tenantFilter(caller: Caller, asked: string): EventFilter {
  if (hasScope(caller, 'admin')) return ({ tenant }) => asked === '' || tenant === asked
  if (asked !== '' && asked !== caller.tenant)
    throw new GatewayError('PERMISSION_DENIED', 'the events of another tenant need the scope admin')
  // A call of nobody who is known is no news about the service as a whole.
  return ({ tenant, isOfCall }) => tenant === caller.tenant || (asked === '' && tenant === '' && !isOfCall)
}

/** Where a call falls between 0 and 1, always the same for the same id (FNV-1a, mixed once more so that near ids fall apart). */
export function shareOf(requestId: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < requestId.length; index += 1)
    hash = Math.imul(hash ^ requestId.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

function shown(id: string): string {
  return JSON.stringify(id.length > 80 ? `${id.slice(0, 80)}…` : id)
}

function refused(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
