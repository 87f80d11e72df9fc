// What every question to the project's tables shares: its limits, its faults, and the values that come back.
import { GatewayError } from '../../core/errors.ts'
import { isAnswer, type SupabaseConnection } from './connection.ts'
import { restFault } from './faults.ts'

/** A row as it came. */
export type FoundRow = Readonly<Record<string, unknown>>

/** Rows named in one question: their keys stand in the URL, and that has a limit of 8000 letters. */
export const NAMED_AT_ONCE = 50

interface RowsAnswer {
  readonly status: number
  readonly error: { readonly code: string; readonly message: string } | null
  readonly data: readonly FoundRow[] | null
}

/**
 * Asks for rows. INTERNAL when the project does not answer, or does not as it should, and at once while it is known not to;
 * nothing is asked twice.
 */
export async function readRows(
  { run, answerTimeoutMs, reads }: SupabaseConnection,
  work: () => PromiseLike<RowsAnswer>,
): Promise<readonly FoundRow[]> {
  reads.check()
  const { value } = await run(work, { signal: new AbortController().signal, timeoutMs: answerTimeoutMs })
  reads.heard(isAnswer(value.status))
  if (value.error === null) return value.data ?? []
  const fault = restFault({ ...value.error, status: value.status })
  throw new GatewayError('INTERNAL', 'the shared database did not answer', {
    cause: new Error(`${fault.code}: ${fault.message}`),
  })
}

/** A condition for `or`: no moment of expiry, or a later one than this. */
export function livesAt(nowMs: number): string {
  return `expires_at.is.null,expires_at.gt."${new Date(nowMs).toISOString()}"`
}

/** A time in milliseconds since the Unix epoch; undefined for null. */
export function msOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Date.parse(String(value))
}
