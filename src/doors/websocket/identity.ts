// Who is at the other end of a connection: told by the handshake or by an auth frame, and checked before anything else is read.
import type { Caller } from '../../core/caller.ts'
import { GatewayError } from '../../core/errors.ts'
import type { CredentialSource } from '../../server/entrance.ts'

/** What an identity needs. */
export interface IdentityDeps {
  readonly authenticate: (source: CredentialSource) => Caller | Promise<Caller>
  /** What the handshake has shown and was accepted. Absent: nothing. */
  readonly credential: CredentialSource | undefined
  /** Stops and goes on reading from the client. */
  readonly hold: () => void
  readonly release: () => void
  /** Called when a credential was accepted, and when it was not. */
  readonly onKnown: (caller: Caller) => void
  readonly onRefused: (error: GatewayError) => void
}

/** The identity of one connection. */
export interface Identity {
  /** What each call is let in with; undefined: nobody has said who it is. */
  credential(): CredentialSource | undefined
  isChecking(): boolean
  /** Takes a token or key from the client, in place of what was shown before. */
  show(token: unknown): void
  /** Looks whether what was shown is still accepted; when it is not, it is refused. */
  checkAgain(): void
  /** Forgets who it is. */
  forget(): void
}

/** Begins with what the handshake has shown. */
export function createIdentity(deps: IdentityDeps): Identity {
  const { authenticate, hold, release, onKnown, onRefused } = deps
  let { credential } = deps
  let isChecking = false
  const fail = (thrown: unknown): void => onRefused(GatewayError.from(thrown))
  return {
    credential: () => credential,
    isChecking: () => isChecking,
    show(token) {
      const source = { rawHeaders: typeof token === 'string' ? ['authorization', `Bearer ${token}`] : [] }
      const know = (caller: Caller): void => {
        credential = source
        onKnown(caller)
      }
      try {
        const caller = authenticate(source)
        if (!(caller instanceof Promise)) {
          know(caller)
          return
        }
        isChecking = true
        hold()
        void caller.then(know, fail).finally(() => {
          isChecking = false
          release()
        })
      } catch (error) {
        fail(error)
      }
    },
    checkAgain() {
      if (credential === undefined) return
      // Only that it is not accepted any more counts: that nobody could tell does not.
      const doubt = (thrown: unknown): void => {
        if (thrown instanceof GatewayError && thrown.reason === 'UNAUTHENTICATED') fail(thrown)
      }
      try {
        const caller = authenticate(credential)
        if (caller instanceof Promise) caller.catch(doubt)
      } catch (error) {
        doubt(error)
      }
    },
    forget() {
      credential = undefined
    },
  }
}
