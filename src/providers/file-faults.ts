// What the failures of giving a file to a provider mean for the call: mostly that another form is tried.
import { GatewayError, type Reason } from '../core/errors.ts'
import type { StoredFile } from '../core/files.ts'
import type { AttemptInput } from '../core/provider.ts'
import { unsupported } from './openai-dialect/notes.ts'

/** HTTP statuses of a host or a key that has no place for uploads at all. */
const noPlace: ReadonlySet<number> = new Set([403, 404, 405, 501])

/** What fails when our stores do. */
const ours: ReadonlySet<Reason> = new Set<Reason>(['INTERNAL', 'STORAGE_FULL'])

/** The failure of one form, after which the next is tried. Throws what is about the key as it is, and the signal's reason. */
export function formFault(error: unknown, signal: AbortSignal): GatewayError {
  signal.throwIfAborted()
  const fault = GatewayError.from(error)
  const { against, keyTrouble } = fault.details
  // Chats with this key would fail the same way.
  if (against === 'key' && (keyTrouble === 'auth' || keyTrouble === 'quota')) throw fault
  return fault
}

/** Whether an upload has failed because the host, or this key, has no place for uploads. */
export function hasNoPlace({ reason, details }: GatewayError): boolean {
  return reason !== 'FILE_NOT_FOUND' && noPlace.has(details.upstreamStatus ?? 0)
}

/** The failure of a file that could be given in no form; `fault` is that of the last one. Somebody else may take the file, unless the trouble is ours. */
export function notGiven(
  input: AttemptInput,
  field: string,
  file: StoredFile,
  fault: GatewayError | undefined,
): GatewayError {
  const { provider, id: model } = input.model
  const { mimeType, sizeBytes } = file
  // Our own trouble says nothing about what anybody takes, and passes.
  if (fault !== undefined && ours.has(fault.reason))
    return new GatewayError(fault.reason, `${field}: ${fault.message}`, { against: 'nobody', cause: fault })
  const words =
    fault?.message ?? `${provider} takes no ${mimeType} of ${sizeBytes} bytes for ${model} at this endpoint`
  const isPassing =
    fault !== undefined &&
    !hasNoPlace(fault) &&
    (fault.reason === 'UPSTREAM_UNAVAILABLE' ||
      fault.reason === 'UPSTREAM_LIMITED' ||
      // Nothing was asked of a model, so that nothing is billed.
      fault.reason === 'UPSTREAM_BROKEN')
  if (!isPassing) return unsupported(input, field, words).with({ against: 'nobody', cause: fault })
  const { retryDelayMs, upstreamStatus, upstreamCode } = fault.details
  const reason = fault.reason === 'UPSTREAM_LIMITED' ? fault.reason : 'UPSTREAM_UNAVAILABLE'
  return new GatewayError(reason, `${field}: ${words}`, {
    provider,
    model,
    // To take files is not to answer: what is known of that stays as it is.
    against: 'nobody',
    cause: fault,
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    ...(upstreamStatus === undefined ? {} : { upstreamStatus }),
    ...(upstreamCode === undefined ? {} : { upstreamCode }),
  })
}
