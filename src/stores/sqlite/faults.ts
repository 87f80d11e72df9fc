// What goes wrong in the store, as it travels from the worker and as the service sees it.
import { GatewayError, type Reason } from '../../core/errors.ts'
import { resultCodeOf } from './driver.ts'

/** A fault that can be sent between threads. */
export interface Fault {
  readonly reason: Reason
  readonly message: string
  /** What the library said; it is logged, and never sent to a client. */
  readonly cause?: string
}

// https://sqlite.org/rescode.html: the low byte is the primary code.
const SQLITE_FULL = 13
// The shared-memory file of the write-ahead log could not grow: on a full disk that comes before SQLITE_FULL does.
const SQLITE_IOERR_SHMSIZE = 4874

/** The fault of something caught in the worker. */
export function faultOf(error: unknown): Fault {
  if (error instanceof GatewayError) return { reason: error.reason, message: error.message }
  const code = resultCodeOf(error)
  const cause = `${error instanceof Error ? error.message : String(error)}${code === undefined ? '' : ` (SQLite ${code})`}`
  if (code !== undefined && ((code & 0xff) === SQLITE_FULL || code === SQLITE_IOERR_SHMSIZE)) {
    return { reason: 'STORAGE_FULL', message: 'the store is full: free space where DATA_DIR is', cause }
  }
  return { reason: 'INTERNAL', message: 'the store failed', cause }
}

/** The error of a fault. */
export function errorOf({ reason, message, cause }: Fault): GatewayError {
  return new GatewayError(reason, message, cause === undefined ? {} : { cause: new Error(cause) })
}
