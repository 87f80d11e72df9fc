// How a recording is found: by the idempotency key of the request, or by the id of the answer. Both lead to one reference.
import { createHash } from 'node:crypto'
import type { Shared } from '../core/shared.ts'

/** Which recording it is, and which process makes it. */
export interface RecordingRef {
  /** Id of the recording, made for it. */
  readonly recording: string
  /** Id of the process that runs the call. */
  readonly instance: string
  /** When the call began, in milliseconds since the Unix epoch. */
  readonly startedAt: number
}

/** What an idempotency key stands for. */
export interface KeyMark extends RecordingRef {
  /** Digest of the request that the key was used for. */
  readonly digest: string
}

/** Name of the log and of the topic of a recording. The tenant is part of it, so that nobody meets another's. */
export function recordingName(tenant: string, { recording }: Pick<RecordingRef, 'recording'>): string {
  return `recording:${tenant}:${recording}`
}

/** Name of the mark of an idempotency key. Hashed, because a tenant and a key may both have colons. */
export function keyName(tenant: string, key: string): string {
  return `idempotency:${tenant}:${createHash('sha256').update(key).digest('hex')}`
}

/** Name under which the id of an answer leads to its recording. */
export function streamName(tenant: string, responseId: string): string {
  return `stream:${tenant}:${responseId}`
}

/** Reads a reference or a mark; undefined when there is none. */
export async function readMark<T extends RecordingRef>(shared: Shared, name: string): Promise<T | undefined> {
  const bytes = await shared.get(name)
  return bytes === undefined ? undefined : markOf<T>(bytes)
}

/** A reference or a mark as it was kept. What it says is true: only this file writes under these names. */
export function markOf<T extends RecordingRef>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString())
}

/** A reference or a mark as bytes. */
export function markBytes(mark: RecordingRef | KeyMark): Uint8Array {
  return Buffer.from(JSON.stringify(mark))
}
