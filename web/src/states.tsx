// The states that every panel shares: waiting, nothing there, and failed.
import type { ComponentChildren } from 'preact'
import type { Failure } from './failure.ts'
import { Badge } from './icons.tsx'

/** Something is on its way. */
export function Waiting({ what }: { readonly what: string }) {
  return (
    <p class="waiting" role="status">
      <span class="spinner" aria-hidden="true" />
      {what} …
    </p>
  )
}

/** There is nothing, and this is why. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

/** Something failed: what, why, and the id with which its log line is found. */
export function Failed(props: {
  readonly failure: Failure
  readonly what: string
  readonly onRetry?: () => void
}) {
  const { failure, what, onRetry } = props
  return (
    <div class="failed" role="alert">
      <p>
        <Badge tone="bad" text={failure.reason} /> {what}: {failure.message}
        {failure.provider !== '' &&
          ` (${failure.provider}${failure.model === '' ? '' : `, ${failure.model}`})`}
      </p>
      {failure.requestId !== '' && (
        <p class="hint">
          request <code>{failure.requestId}</code>
        </p>
      )}
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}
