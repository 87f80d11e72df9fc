// What goes between the service and the worker: numbered questions there, answers in bundles back.
import type { CommitInput } from './commit.ts'
import type { DatabasePlace } from './connections.ts'
import type { Fault } from './faults.ts'
import type { OperationName } from './operations.ts'

/** What a worker is started with. */
export interface WorkerSettings extends DatabasePlace {
  /** Whether changes are noted for sending. */
  readonly outbox: boolean
  /** Whether it only reads: such a one never makes a commit wait. */
  readonly readOnly: boolean
}

/** A question to the worker. */
export interface Question {
  readonly id: number
  readonly name: OperationName
  readonly input: unknown
}

/** Settlements that go together, each with its number. */
export interface Settlements {
  readonly ids: readonly number[]
  readonly commits: readonly CommitInput[]
}

/** An answer of the worker. */
export type Answer =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly fault: Fault }

/** What the service says. */
export type ToWorker = Question | Settlements | 'close'

/** What the worker says: first whether the database is open. */
export type FromWorker =
  | { readonly type: 'opened' }
  | { readonly type: 'refused'; readonly fault: Fault }
  | { readonly type: 'answers'; readonly answers: readonly Answer[] }
  /** What was asked under these numbers is done, and there is nothing else to say. */
  | { readonly type: 'done'; readonly ids: readonly number[] }
