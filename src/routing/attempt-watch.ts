// Who hears what becomes of an attempt.
import type { GatewayError } from '../core/errors.ts'

/** Learns what becomes of an attempt. Nothing that it does may throw. */
export interface AttemptWatch {
  /** It begins. Not called for one that was given up before. */
  started?(): void
  /** The first good event: what follows can only break, not fail. Not called for an answer without any output. */
  began?(): void
  /** It is over; called once. Without an error it succeeded; `cancelled`: from outside, which says nothing about anybody. */
  ended?(end: { readonly error: GatewayError | undefined; readonly cancelled: boolean }): void
  /** The provider has let go of it: sockets are closed. Called once, after `ended`, even when nothing was asked. */
  released?(): void
}
