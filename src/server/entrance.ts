// The way in for every call, through whichever door: who calls, whether that may, and whether there is room.
import type { Caller } from '../core/caller.ts'
import { GatewayError } from '../core/errors.ts'
import type { Exchange } from './exchange.ts'

/** What shows a credential: names and values in turn, as a request's header has them. */
export interface CredentialSource {
  readonly rawHeaders: readonly string[]
}

/** Who may come in. Everything is told by the header of a request alone: its body is read only afterwards. */
export interface Gatekeeper {
  /** Who makes a request; throws a GatewayError, or rejects with one, when it cannot be let in. */
  authenticate(source: CredentialSource): Caller | Promise<Caller>
  /** Whether a method is for everybody. */
  isOpen(method: string): boolean
  /** Throws PERMISSION_DENIED unless the caller may call the method. */
  authorize(caller: Caller, method: string): void
}

/**
 * Takes what a call needs before it is served, such as room in a limit, or throws a GatewayError. What it took it gives
 * back by itself when the call ends, also when the client has left meanwhile.
 */
export type Admit = (exchange: Exchange) => undefined | Promise<void>

/** What `createEntrance` needs. */
export interface EntranceDeps {
  readonly access: Gatekeeper
  /** Absent: every caller that may is admitted. */
  readonly admit?: Admit | undefined
}

/**
 * Lets a call in by the credential that is shown for it: tells the exchange who calls. Undefined: that may, and nothing is
 * waited for. Throws, or rejects with, a GatewayError.
 */
export type Enter = (source: CredentialSource, exchange: Exchange) => undefined | Promise<void>

/** Who has not shown a credential has no right at all. */
export const STRANGER: Caller = { tenant: '', subject: '', scopes: [] }

/** Makes it. */
export function createEntrance({ access, admit }: EntranceDeps): Enter {
  return (source, exchange) => {
    const { method } = exchange.asked
    if (access.isOpen(method)) return undefined
    const enter = (caller: Caller): undefined | Promise<void> => {
      exchange.identify(caller)
      access.authorize(caller, method)
      return admit?.(exchange)
    }
    const caller = access.authenticate(source)
    return caller instanceof Promise ? whileWanted(caller, exchange).then(enter) : enter(caller)
  }
}

/** Waits for something as long as the call is wanted: nobody is kept waiting, and nothing is kept, for a client that left. */
function whileWanted<T>(waiting: Promise<T>, { signal }: Exchange): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => reject(GatewayError.from(signal.reason))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  waiting.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
