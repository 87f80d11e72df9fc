// Opens the access to the service: who asks, what they may do, and the administration of their keys.
import type { Config } from '../config/config.ts'
import { type Caller, DEFAULT_CALLER } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import type { Keys } from '../core/keys.ts'
import type { Log } from '../core/log.ts'
import type { Shared } from '../core/shared.ts'
import { createKeyAdministration, type KeyAdministration } from './administration.ts'
import { type Authenticate, createAuthenticator } from './authenticator.ts'
import type { CredentialSource } from './credential.ts'
import { ensureFirstKey } from './first-key.ts'
import { createKeySet } from './jwks.ts'
import { createKeyCheck } from './key-check.ts'
import { createKeyNews } from './key-news.ts'
import { createKeyUses } from './key-uses.ts'
import { loadPepper } from './pepper.ts'
import { createRemembered, type Remembered } from './remembered.ts'
import { authorize, needOf } from './scopes.ts'
import { type CheckToken, createTokenCheck } from './tokens.ts'

/** The state that replicas share, as far as access needs it. */
export interface AccessSharing {
  readonly shared: Shared
  /** Whether replicas hear one another now; undefined when there is nothing between them. */
  isUp(): boolean | undefined
  /** Calls the listener when that changes. Returns the way to stop it. */
  onHealth(listener: () => void): () => void
}

/** What `openAccess` needs. */
export interface AccessDeps {
  readonly config: Pick<Config, 'auth' | 'keyPepper' | 'dataDir' | 'supabase'>
  readonly keys: Keys
  readonly sharing: AccessSharing
  readonly clock: Clock
  readonly log: Log
  /** Shows a line to people, past the log. */
  readonly announce: (line: string) => void
}

/** Who may come in. */
export interface Access {
  /** Whether callers must show a credential. Without that everybody is the default caller. */
  readonly isAsking: boolean
  /** Who makes a request, by its header alone. */
  readonly authenticate: Authenticate
  /** Whether a method is for everybody, credential or not. */
  isOpen(method: string): boolean
  /** Throws PERMISSION_DENIED unless the caller may call the method. */
  authorize(caller: Caller, method: string): void
  readonly administration: KeyAdministration
  close(): Promise<void>
}

/** Most credentials that are remembered; each takes about half a KiB. */
const REMEMBERED_MAX = 10_000

/** How long a key is remembered, in milliseconds, when all who change keys can be heard, and when they cannot. */
const KEY_TTL_MS = { heard: 60_000, unheard: 5_000 }

/** Opens it. INTERNAL or UNSUPPORTED, with the remedy, when the pepper cannot be had though keys are asked for. */
export async function openAccess(deps: AccessDeps): Promise<Access> {
  const { config, keys, sharing, clock, log, announce } = deps
  await using stack = new AsyncDisposableStack()
  const { shared } = sharing
  const pepper = pepperOf(config)
  const remembered = createRemembered(clock, REMEMBERED_MAX)
  const news = createKeyNews({ shared, isHeard: () => sharing.isUp() === true, log })
  stack.defer(news.listen(remembered.forgetKey))
  // What was told while nobody could hear it is lost.
  stack.defer(sharing.onHealth(remembered.clear))
  const administration = createKeyAdministration({
    keys,
    pepper,
    news,
    forget: remembered.forgetKey,
    clock,
    log,
  })
  const isAsking = config.auth.mode === 'key' || config.auth.mode === 'token'
  const authenticate = isAsking
    ? authenticator(deps, { pepper, remembered, news }, stack)
    : () => DEFAULT_CALLER
  if (config.auth.mode === 'key') {
    await pepper()
    await ensureFirstKey({ keys, administration, shared, log, announce }).catch((err: unknown) => {
      log.error('the first admin key was not made: make one with exai keys create', { err })
    })
  }
  const opened = stack.move()
  return {
    isAsking,
    authenticate,
    isOpen: method => needOf(method) === 'open',
    authorize,
    administration,
    close: () => opened.disposeAsync(),
  }
}

/** Lets whoever shows a credential with the right scope read the metrics. Undefined where nobody is asked for one. */
export function mayReadMetrics({
  isAsking,
  authenticate,
  authorize,
}: Pick<Access, 'isAsking' | 'authenticate' | 'authorize'>):
  | ((source: CredentialSource) => Promise<void>)
  | undefined {
  if (!isAsking) return undefined
  return async source => authorize(await authenticate(source), '/metrics')
}

interface Parts {
  readonly pepper: () => Promise<Uint8Array>
  readonly remembered: Remembered
  readonly news: ReturnType<typeof createKeyNews>
}

function authenticator(
  { config, keys, sharing, clock, log }: AccessDeps,
  { pepper, remembered, news }: Parts,
  stack: AsyncDisposableStack,
): Authenticate {
  const uses = createKeyUses({ keys, clock, log })
  stack.defer(uses.close)
  return createAuthenticator({
    remembered,
    checkKey: createKeyCheck({ keys, pepper, news, clock }),
    checkToken: tokenCheckOf(config.auth, clock, log),
    uses,
    keyTtlMs: () => (sharing.isUp() === true ? KEY_TTL_MS.heard : KEY_TTL_MS.unheard),
    clock,
  })
}

function tokenCheckOf(auth: Config['auth'], clock: Clock, log: Log): CheckToken | undefined {
  if ((auth.mode !== 'key' && auth.mode !== 'token') || auth.tokens === undefined) return undefined
  const { jwksUrl: url } = auth.tokens
  return createTokenCheck({
    tokens: auth.tokens,
    keySet: url === undefined ? undefined : createKeySet({ url, clock, log }),
    clock,
  })
}

/** The pepper, got when it is first needed: a service without keys makes no file. One that failed is tried again. */
function pepperOf({ keyPepper, dataDir, supabase }: AccessDeps['config']): () => Promise<Uint8Array> {
  let loading: Promise<Uint8Array> | undefined
  return () => {
    loading ??= loadPepper({ configured: keyPepper, dataDir, isShared: supabase !== undefined }).catch(
      (error: unknown) => {
        loading = undefined
        throw error
      },
    )
    return loading
  }
}
