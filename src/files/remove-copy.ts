// Deletes copies of files at the providers that have them, as far as these are still configured.

import { GatewayError } from '../core/errors.ts'
import type { CopyKey } from '../core/files.ts'
import type { Log } from '../core/log.ts'
import type { Provider } from '../core/provider.ts'

/** How long a provider may take to delete one copy, in milliseconds. */
export const REMOVE_MS = 30_000

/** The providers as they are configured at a moment. */
export type CopyProviders = () => readonly Pick<Provider, 'id' | 'removeCopy'>[]

/** Deletes a copy at a provider; one that is gone already is no failure. Throws what the provider fails with. */
export type RemoveCopy = (copy: CopyKey & { readonly remoteId: string }, signal: AbortSignal) => Promise<void>

/** What copies are deleted with. */
export interface CopyRemoverDeps {
  readonly providers: CopyProviders
  readonly log: Log
}

/**
 * Makes the way to delete copies. One whose provider or account is no longer configured can be deleted by nobody: it counts as
 * deleted, and a warning says what stays where.
 */
export function createCopyRemover({ providers, log }: CopyRemoverDeps): RemoveCopy {
  return async ({ provider: id, account, remoteId }, signal) => {
    const provider = providers().find(one => one.id === id)
    const giveUp = (why: string): void =>
      log.warn('a copy of a deleted file stays at its provider', { provider: id, remoteId, reason: why })
    if (provider?.removeCopy === undefined) return giveUp('the provider is not configured any more')
    const timeout = AbortSignal.timeout(REMOVE_MS)
    try {
      await provider.removeCopy({ account, remoteId }, AbortSignal.any([signal, timeout]))
    } catch (caught) {
      signal.throwIfAborted()
      if (timeout.aborted)
        throw new GatewayError('UPSTREAM_UNAVAILABLE', 'the provider did not delete a copy in time', {
          provider: id,
          cause: caught,
        })
      // Only a provider that has no such account says so.
      if (caught instanceof GatewayError && caught.reason === 'KEY_NOT_FOUND')
        return giveUp('its key is not configured any more')
      throw caught
    }
  }
}
