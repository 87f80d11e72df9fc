// The record of a call as the contract carries it.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { RequestRecord_Outcome as Outcome, type RequestRecordSchema } from '#gen/exai/v1/event_pb'
import { wireReason } from '../core/errors.ts'
import type { CallRecord, CallStand } from '../core/gateway-event.ts'
import { durationOf, timestampOf } from '../core/time.ts'

const OUTCOMES: Readonly<Record<CallStand, Outcome>> = {
  running: Outcome.RUNNING,
  succeeded: Outcome.SUCCEEDED,
  failed: Outcome.FAILED,
  cancelled: Outcome.CANCELLED,
}

/** The outcome on the wire. */
export function outcomeOf(stand: CallStand): Outcome {
  return OUTCOMES[stand]
}

/** The message. */
export function requestMessage(record: CallRecord): MessageInitShape<typeof RequestRecordSchema> {
  const { durationMs, firstTokenMs, overheadMs, usage, cost, route } = record
  return {
    requestId: record.requestId,
    responseId: record.responseId,
    method: record.method,
    door: record.door,
    tenant: record.tenant,
    keyId: record.keyId,
    keyLabel: record.keyLabel,
    user: record.user,
    conversationId: record.conversationId,
    startTime: timestampOf(record.startedAt),
    ...(durationMs === undefined ? {} : { duration: durationOf(durationMs) }),
    ...(firstTokenMs === undefined ? {} : { timeToFirstToken: durationOf(firstTokenMs) }),
    ...(overheadMs === undefined ? {} : { overheadDuration: durationOf(overheadMs) }),
    streaming: record.isStreaming,
    outcome: OUTCOMES[record.stand],
    ...(record.error === undefined ? {} : { error: wireReason(record.error) }),
    provider: record.provider,
    model: record.model,
    ...(usage === undefined ? {} : { usage }),
    ...(cost === undefined ? {} : { cost }),
    ...(route === undefined ? {} : { route }),
    replayed: record.isReplayed,
    requestBytes: BigInt(record.requestBytes),
    responseBytes: BigInt(record.responseBytes),
  }
}
