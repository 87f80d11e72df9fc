// Who is signed in: the token in memory, or in this tab's storage by choice, and what it allows.
import { signal } from '@preact/signals'
import { createExaiClient } from '../../src/client/browser.ts'
import { type Failure, failureOf } from './failure.ts'

/** What a token may allow. */
export type Right = 'monitoring' | 'chat' | 'files' | 'admin'

/** Where signing in stands. */
export type Session =
  | { readonly state: 'asking' }
  /** A token is wanted; `failure` says why the one before was not taken. */
  | { readonly state: 'signed-out'; readonly failure: Failure | undefined }
  | { readonly state: 'open'; readonly rights: ReadonlySet<Right> }
  /** The gateway could not be asked; it is tried again. */
  | { readonly state: 'unreachable'; readonly failure: Failure; readonly retryAtMs: number }

const STORED_AS = 'exai.token'
const RETRY_FIRST_MS = 500
const RETRY_MOST_MS = 10_000

let token: string | undefined = stored()
let retries = 0
let timer: ReturnType<typeof setTimeout> | undefined

/** How signing in stands. */
export const session = signal<Session>({ state: 'asking' })

/** Whether a token is in use. */
export const hasToken = signal(token !== undefined)

/** The client of the gateway that served this page. */
export const client = createExaiClient({ baseUrl: location.origin, token: () => token })

/** Takes a token, keeps it in this tab if that is wanted, and asks what it allows. */
export async function signIn(candidate: string, isKept: boolean): Promise<void> {
  token = candidate.trim()
  hasToken.value = true
  if (isKept) storage()?.setItem(STORED_AS, token)
  else storage()?.removeItem(STORED_AS)
  await ask()
}

/** Forgets the token. */
export function signOut(failure?: Failure): void {
  token = undefined
  hasToken.value = false
  storage()?.removeItem(STORED_AS)
  session.value = { state: 'signed-out', failure }
}

/** Takes note of a failure that anything met: an expired token leads back to signing in. */
export function noteFailure(failure: Failure): void {
  if (failure.kind === 'unauthenticated' && session.value.state === 'open')
    signOut(hasToken.value ? failure : undefined)
}

/** Whether the token allows something. */
export function may(right: Right): boolean {
  const now = session.value
  return now.state === 'open' && now.rights.has(right)
}

/** Asks what the token allows: each right by the cheapest call that needs it. */
export async function ask(): Promise<void> {
  clearTimeout(timer)
  const first = await refusalOf(client.monitoring.getStatus({}))
  if (first?.kind === 'unauthenticated') return signOut(hasToken.value ? first : undefined)
  if (first !== undefined && first.kind !== 'denied' && first.kind !== 'missing') return retry(first)
  const refusals: Readonly<Record<Right, Failure | undefined>> = {
    monitoring: first,
    ...(await askRest()),
  }
  retries = 0
  const rights = (Object.keys(refusals) as Right[]).filter(right => refusals[right]?.kind !== 'denied')
  session.value = { state: 'open', rights: new Set(rights) }
}

async function askRest() {
  const [chat, files, admin] = await Promise.all([
    refusalOf(client.chat.listModels({})),
    refusalOf(client.files.listFiles({ pageSize: 1 })),
    refusalOf(client.access.listKeys({ pageSize: 1 })),
  ])
  return { chat, files, admin }
}

async function refusalOf(call: Promise<unknown>): Promise<Failure | undefined> {
  try {
    await call
    return undefined
  } catch (thrown) {
    return failureOf(thrown)
  }
}

function retry(failure: Failure): void {
  const waitMs = Math.max(failure.retryMs ?? 0, Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** retries))
  retries += 1
  session.value = { state: 'unreachable', failure, retryAtMs: Date.now() + waitMs }
  timer = setTimeout(() => void ask(), waitMs)
}

function stored(): string | undefined {
  return storage()?.getItem(STORED_AS) ?? undefined
}

// A browser may forbid its storage, and says so by throwing.
function storage(): Storage | undefined {
  try {
    return sessionStorage
  } catch {
    return undefined
  }
}
