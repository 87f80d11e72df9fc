// Every text of a request that costs tokens, for the counter.
import type { Message, Part } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { CountedRequest } from '../metering/count.ts'

/** Collects what a request says in words. Media have no count here: what they cost differs by provider and is not public. */
export function countedRequest(request: CompleteRequest, messages: readonly Message[]): CountedRequest {
  const texts = messages.flatMap(messageTexts)
  for (const tool of request.tools)
    texts.push(
      tool.name,
      tool.description,
      tool.parameters === undefined ? '' : JSON.stringify(tool.parameters),
    )
  const format = request.responseFormat?.format
  if (format?.case === 'jsonSchema') texts.push(format.value.name, JSON.stringify(format.value.schema ?? {}))
  return { texts: texts.filter(text => text !== ''), messages: messages.length }
}

/** What one message says in words. */
export function messageTexts({ content }: Message): string[] {
  const texts: string[] = []
  for (const part of content) addPart(part, texts)
  return texts
}

function addPart({ kind }: Part, texts: string[]): void {
  switch (kind.case) {
    case 'text':
      texts.push(kind.value)
      return
    case 'reasoning':
      texts.push(kind.value.text)
      return
    case 'toolCall':
      texts.push(kind.value.name, kind.value.arguments)
      return
    case 'toolResult':
      for (const inner of kind.value.content) addPart(inner, texts)
      return
    case 'citation':
    case 'media':
    case undefined:
      return
    default:
      kind satisfies never
  }
}
