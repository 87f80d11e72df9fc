// What a failure of Supabase means: is something wrong with what we sent, or is it away, busy or set up wrongly.
import type { Refusal, Unavailable } from './delivery.ts'

/** A failure in our own words. */
export type SupabaseFault = Refusal | Unavailable

/** A failure as PostgREST's client tells it; the status is 0 without an answer. */
export interface RestFailure {
  readonly status: number
  readonly code: string
  readonly message: string
}

// Data (22), integrity (23) and a limit of Postgres that the row itself breaks (54): no later try can do better. Everything
// else may pass by itself, an HTTP 400 without any code too: that is what PostgREST answers when Postgres dies in a query.
const PERMANENT = /^(?:22|23|54)[0-9A-Z]{3}$/
const MISSING = /^(?:PGRST20[245]|42P01|42703|42883|3F000)$/
const DENIED = /^(?:PGRST30[0-3]|42501|28[0-9A-Z]{3})$/
const TOO_LARGE = 413

/** Judges a failure of the database's API. */
export function restFault({ status, code, message }: RestFailure): SupabaseFault {
  const told = { code: code === '' ? `http_${status}` : code, message }
  if (PERMANENT.test(code) || status === TOO_LARGE) return { type: 'refused', ...told }
  if (status === 401 || status === 403 || DENIED.test(code))
    return { type: 'unavailable', because: 'credentials', ...told }
  if (status === 404 || MISSING.test(code)) return { type: 'unavailable', because: 'schema', ...told }
  return { type: 'unavailable', because: 'trouble', ...told }
}

/** What the storage's client gives as an error: only its own classes have a status. */
export interface StorageFailure {
  readonly message: string
  readonly status?: number | undefined
  /** The real status, as text, in nearly every refusal of the storage: HTTP says 400 for all of them. */
  readonly statusCode?: string | undefined
}

/** What the storage says of one object: it is not there, or a fault. */
export type StorageVerdict = SupabaseFault | { readonly type: 'missing' }

/** Judges a failure of the storage. */
export function storageFault(failure: StorageFailure): StorageVerdict {
  const code = codeOf(failure)
  const status = Number(failure.statusCode ?? failure.status ?? 0)
  const told = { code: code ?? `http_${status}`, message: failure.message }
  if (code === 'NoSuchBucket') return { type: 'unavailable', because: 'schema', ...told }
  if (code === 'NoSuchKey') return { type: 'missing' }
  if (code === 'AccessDenied' || status === 401 || status === 403)
    return { type: 'unavailable', because: 'credentials', ...told }
  if (code === 'InvalidKey' || status === TOO_LARGE || status === 415) return { type: 'refused', ...told }
  return { type: 'unavailable', because: 'trouble', ...told }
}

function codeOf(failure: StorageFailure): string | undefined {
  const code: unknown = 'code' in failure ? failure.code : undefined
  return typeof code === 'string' ? code : undefined
}
