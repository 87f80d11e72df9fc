// What a response consists of, item by item, whether it comes at once or in pieces.
import type { Answer } from './chat-answer.ts'
import {
  type Item,
  type ItemEnd,
  type ItemPlace,
  type MessageItem,
  openCall,
  openMessage,
  openReasoning,
  type ResponseEvent,
  type UrlCitation,
} from './responses-items.ts'
import { sealThought } from './responses-seal.ts'

/** The items of a response. */
export interface Output {
  text(piece: string): void
  thought(piece: string): void
  callStart(callId: string, name: string): void
  callPiece(callId: string, piece: string): void
  callEnd(callId: string): void
  /** Ends a stream, and tells what only its end says: sources, and behind all else what is sealed, where that is wanted. */
  conclude(answer: Answer, how: ItemEnd, wantsSeals: boolean): void
  /** Takes the parts of an answer that comes at once. */
  take(answer: Answer, wantsSeals: boolean): void
  /** Ends what has not ended. */
  end(how: ItemEnd): void
  /** What has happened since the last call. */
  events(): readonly ResponseEvent[]
  /** The items as they are now. */
  items(): readonly unknown[]
}

/** Makes the items of the response with this id. */
export function createOutput(responseId: string): Output {
  const items: Item[] = []
  const calls = new Map<string, Item>()
  let events: ResponseEvent[] = []
  let message: MessageItem | undefined

  const place = (prefix: string): ItemPlace => ({
    id: `${prefix}_${responseId.slice(responseId.indexOf('_') + 1)}_${items.length}`,
    index: items.length,
    emit: event => void events.push(event),
  })
  // Texts and thoughts do not say where they end: whatever comes next does.
  const interrupt = (): void => {
    const last = items.at(-1)
    if (last !== undefined && last.type !== 'function_call') last.close('completed')
  }
  const opened = <Kind extends Item>(item: Kind): Kind => {
    items.push(item)
    return item
  }
  const growingText = (): MessageItem => {
    if (message?.isOpen() === true) return message
    interrupt()
    message = opened(openMessage(place('msg')))
    return message
  }
  const growingThought = (): Item => {
    const last = items.at(-1)
    if (last?.type === 'reasoning' && last.isOpen()) return last
    interrupt()
    return opened(openReasoning(place('rs')))
  }
  const sealed = (text: string, encrypted: string): void => {
    interrupt()
    const item = opened(openReasoning(place('rs'), encrypted))
    if (text !== '') item.add(text)
    item.close('completed')
  }
  const cite = (answer: Answer): void => {
    const sources = partsOf(answer).flatMap(kind => (kind?.case === 'citation' ? [kind.value] : []))
    if (sources.length === 0) return
    const cited = message ?? growingText()
    cited.cite(text => sources.map(source => urlCitation(source, text)))
  }

  const output: Output = {
    text: piece => growingText().add(piece),
    thought: piece => growingThought().add(piece),
    callStart(callId, name) {
      interrupt()
      calls.set(callId, opened(openCall(place('fc'), callId, name)))
    },
    callPiece: (callId, piece) => calls.get(callId)?.add(piece),
    callEnd: callId => calls.get(callId)?.close('completed'),
    conclude(answer, how, wantsSeals) {
      cite(answer)
      output.end(how)
      if (!wantsSeals) return
      const places = partsOf(answer).filter(kind => kind?.case !== 'citation')
      for (const [at, kind] of places.entries()) {
        if (kind?.case !== 'reasoning' || (kind.value.opaque?.byteLength ?? 0) === 0) continue
        const { provider = '', model = '', opaque = new Uint8Array() } = kind.value
        sealed('', sealThought({ provider, model, opaque, at }))
      }
    },
    take(answer, wantsSeals) {
      for (const kind of partsOf(answer)) {
        if (kind?.case === 'text') output.text(kind.value)
        if (kind?.case === 'reasoning') {
          const { text = '', provider = '', model = '', opaque = new Uint8Array() } = kind.value
          if (wantsSeals && opaque.byteLength > 0) sealed(text, sealThought({ provider, model, opaque }))
          else if (text !== '') output.thought(text)
        }
        if (kind?.case === 'toolCall') {
          const { callId = '', name = '', arguments: text = '' } = kind.value
          output.callStart(callId, name)
          if (text !== '') output.callPiece(callId, text)
          output.callEnd(callId)
        }
      }
      cite(answer)
    },
    end(how) {
      // An answer of nothing is an empty text.
      if (items.length === 0) growingText()
      const last = items.at(-1)
      for (const item of items) item.close(item === last ? how : 'completed')
    },
    events() {
      const told = events
      events = []
      return told
    },
    items: () => items.map(item => item.shown()),
  }
  return output
}

type Kind = NonNullable<NonNullable<NonNullable<Answer['message']>['content']>[number]['kind']>

function partsOf({ message }: Answer): readonly (Kind | undefined)[] {
  const content: readonly { readonly kind?: Kind }[] = message?.content ?? []
  return content.map(({ kind }) => kind)
}

/** Which words a source stands behind is known only where it quotes them. */
function urlCitation(
  { url = '', title = '', text: cited = '' }: { url?: string; title?: string; text?: string },
  text: string,
): UrlCitation {
  const place = cited === '' ? -1 : text.indexOf(cited)
  const start = place < 0 ? text.length : place
  return {
    type: 'url_citation',
    url,
    title,
    start_index: start,
    end_index: place < 0 ? start : start + cited.length,
  }
}
