// Events, calls and questions for them as bytes, so that what they mean does not depend on what an object is made of.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { EventSchema, RequestRecordSchema } from '#gen/exai/v1/event_pb'
import { type ListRequestsRequest, ListRequestsRequestSchema } from '#gen/exai/v1/monitoring_service_pb'
import type { SeenEvent } from '../status/event-message.ts'
import type { FoundCall } from '../status/list-requests.ts'
import type { EventOnItsWay, FoundBytes } from './words.ts'

/** An event for another process. */
export function sentEvent(event: SeenEvent): EventOnItsWay {
  return { ...event, message: toBinary(EventSchema, create(EventSchema, event.message)) }
}

/** An event of another process. */
export function seenOf(event: EventOnItsWay): SeenEvent {
  const { $typeName: _, ...message } = fromBinary(EventSchema, event.message)
  return { ...event, message }
}

/** A call for another process. */
export function sentCall({ place, message }: FoundCall): FoundBytes {
  return { place, message: toBinary(RequestRecordSchema, create(RequestRecordSchema, message)) }
}

/** A call of another process. */
export function foundOf({ place, message }: FoundBytes): FoundCall {
  return { place, message: fromBinary(RequestRecordSchema, message) }
}

/** A question for calls, for another process. */
export function sentQuestion(request: ListRequestsRequest): Uint8Array {
  return toBinary(ListRequestsRequestSchema, request)
}

/** A question of another process for calls. */
export function questionOf(bytes: Uint8Array): ListRequestsRequest {
  return fromBinary(ListRequestsRequestSchema, bytes)
}
