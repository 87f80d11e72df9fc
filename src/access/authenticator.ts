// Says who makes a request: at once when its credential is remembered, and else when it has been checked.
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { type Credential, type CredentialSource, credentialOf } from './credential.ts'
import type { CheckKey } from './key-check.ts'
import type { KeyUses } from './key-uses.ts'
import { nameOf, type Remembered } from './remembered.ts'
import type { CheckToken } from './tokens.ts'
import { unauthenticated } from './unauthenticated.ts'

/** Who makes a request. Throws, or rejects with, UNAUTHENTICATED, always the same; OVERLOADED when too many are being checked. */
export type Authenticate = (source: CredentialSource) => Caller | Promise<Caller>

/** What `createAuthenticator` needs. */
export interface AuthenticatorDeps {
  readonly remembered: Remembered
  readonly checkKey: CheckKey
  /** Absent: no tokens are accepted. */
  readonly checkToken: CheckToken | undefined
  readonly uses: Pick<KeyUses, 'note'>
  /** How long a key may be remembered now, in milliseconds. */
  readonly keyTtlMs: () => number
  readonly clock: Clock
}

/** How long a token is remembered at most, in milliseconds: as long as the keys that it was checked with count as fresh. */
const TOKEN_TTL_MS = 600_000

/** Most keys, and most tokens, that are checked at once: whoever sends made-up ones must not fill the queue of the store. */
export const CHECKS_MAX = 256

/** Makes it. */
export function createAuthenticator(deps: AuthenticatorDeps): Authenticate {
  const { remembered, uses } = deps
  // Many calls that begin together with one credential wait for one check.
  const running = { key: new Map<string, Promise<Caller>>(), token: new Map<string, Promise<Caller>>() }

  function check(name: string, credential: Credential): Promise<Caller> {
    const checks = running[credential.kind]
    const begun = checks.get(name)
    if (begun !== undefined) return begun
    if (checks.size >= CHECKS_MAX)
      throw new GatewayError('OVERLOADED', 'too many new credentials are being checked: try again', {
        retryDelayMs: 1_000,
      })
    const checking = checkNow(deps, name, credential).finally(() => checks.delete(name))
    checks.set(name, checking)
    return checking
  }

  return source => {
    const credential = credentialOf(source)
    if (credential === undefined) throw unauthenticated()
    const name = nameOf(credential.text)
    const known = remembered.get(name)
    if (known === undefined) return check(name, credential)
    if (known.key !== undefined) uses.note(known.key.id)
    return known
  }
}

async function checkNow(
  { remembered, checkKey, checkToken, uses, keyTtlMs, clock }: AuthenticatorDeps,
  name: string,
  { kind, text }: Credential,
): Promise<Caller> {
  const epoch = remembered.epoch()
  if (kind === 'token') {
    if (checkToken === undefined) throw unauthenticated()
    const { caller, expiresAtMs } = await checkToken(text)
    remembered.put(name, caller, Math.min(expiresAtMs, clock.now() + TOKEN_TTL_MS), epoch)
    return caller
  }
  const { caller, expiresAtMs } = await checkKey(text)
  remembered.put(name, caller, Math.min(expiresAtMs, clock.now() + keyTtlMs()), epoch)
  if (caller.key !== undefined) uses.note(caller.key.id)
  return caller
}
