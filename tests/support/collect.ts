// What a client does with a stream: puts the whole answer together from its events, and from nothing else.
import type { CompleteResponse } from '#gen/exai/v1/chat_service_pb'
import type { EventInit } from '../../src/chat/events.ts'
import { collect as collectAnswer } from '../../src/client/collect.ts'

/** Reads a stream to its end and gives the answer that the unary call would have given. */
export const collect = (events: AsyncIterable<EventInit>): Promise<CompleteResponse> => collectAnswer(events)
