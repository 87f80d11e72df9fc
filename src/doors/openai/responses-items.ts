// One item of a response as it grows: it begins, gets its pieces and ends, and says so in the events of the Responses API.

/** An event without its number. */
export type ResponseEvent = { readonly type: string } & Readonly<Record<string, unknown>>

/** How an item ends. */
export type ItemEnd = 'completed' | 'incomplete'

/** A source of a text, as the Responses API has it. */
export interface UrlCitation {
  readonly type: 'url_citation'
  readonly url: string
  readonly title: string
  readonly start_index: number
  readonly end_index: number
}

/** An item. */
export interface Item {
  readonly type: 'message' | 'reasoning' | 'function_call'
  isOpen(): boolean
  add(piece: string): void
  /** Ends it, once. */
  close(end: ItemEnd): void
  /** As it is now. */
  shown(): Readonly<Record<string, unknown>>
}

/** An item that is a text. */
export interface MessageItem extends Item {
  readonly type: 'message'
  /** Names sources of the text so far, also when it has ended. */
  cite(citationsOf: (text: string) => readonly UrlCitation[]): void
}

/** Where an item stands. */
export interface ItemPlace {
  readonly id: string
  readonly index: number
  /** Takes what happens. */
  readonly emit: (event: ResponseEvent) => void
}

/** Begins a text. */
export function openMessage(place: ItemPlace): MessageItem {
  const { id } = place
  let text = ''
  const annotations: UrlCitation[] = []
  const part = () => ({ type: 'output_text', text, annotations: [...annotations], logprobs: [] })
  const teller = tellerOf(place, { content_index: 0 })
  const item = lifeOf(teller, {
    shown: status => ({
      id,
      type: 'message',
      status,
      role: 'assistant',
      content: status === 'in_progress' ? [] : [part()],
    }),
    onClose() {
      teller.tell('output_text.done', { text, logprobs: [] })
      teller.tell('content_part.done', { part: part() })
    },
  })
  teller.tell('content_part.added', { part: part() })
  return {
    ...item,
    type: 'message',
    add(piece) {
      text += piece
      teller.tell('output_text.delta', { delta: piece, logprobs: [] })
    },
    cite(citationsOf) {
      for (const annotation of citationsOf(text)) {
        annotations.push(annotation)
        if (item.isOpen())
          teller.tell('output_text.annotation.added', {
            annotation_index: annotations.length - 1,
            annotation,
          })
      }
    },
  }
}

/** Begins a thought. Absent `encrypted`: nothing of it is sealed, or that is told later. */
export function openReasoning(place: ItemPlace, encrypted?: string): Item {
  const { id } = place
  let text = ''
  let hasPart = false
  const part = () => ({ type: 'summary_text', text })
  const teller = tellerOf(place, { summary_index: 0 })
  const item = lifeOf(teller, {
    shown: status => ({
      id,
      type: 'reasoning',
      summary: status === 'in_progress' || !hasPart ? [] : [part()],
      ...(encrypted === undefined ? {} : { encrypted_content: encrypted }),
    }),
    onClose() {
      if (!hasPart) return
      teller.tell('reasoning_summary_text.done', { text })
      teller.tell('reasoning_summary_part.done', { part: part() })
    },
  })
  return {
    ...item,
    type: 'reasoning',
    add(piece) {
      if (!hasPart) teller.tell('reasoning_summary_part.added', { part: part() })
      hasPart = true
      text += piece
      teller.tell('reasoning_summary_text.delta', { delta: piece })
    },
  }
}

/** Begins a call of a function. */
export function openCall(place: ItemPlace, callId: string, name: string): Item {
  const { id } = place
  let text = ''
  const teller = tellerOf(place, {})
  const item = lifeOf(teller, {
    shown: status => ({ id, type: 'function_call', status, call_id: callId, name, arguments: text }),
    onClose() {
      teller.tell('function_call_arguments.done', { arguments: text })
    },
  })
  const add = (piece: string): void => {
    text += piece
    teller.tell('function_call_arguments.delta', { delta: piece })
  }
  return {
    ...item,
    type: 'function_call',
    add,
    close(end) {
      // A call without arguments has the empty object.
      if (item.isOpen() && text === '' && end === 'completed') add('{}')
      item.close(end)
    },
  }
}

interface Teller {
  /** Tells what happened to a part of the item. */
  tell(type: string, more: Readonly<Record<string, unknown>>): void
  /** Tells what happened to the item. */
  item(type: string, item: unknown): void
}

function tellerOf({ id, index, emit }: ItemPlace, part: Readonly<Record<string, number>>): Teller {
  return {
    tell: (type, more) =>
      emit({ type: `response.${type}`, item_id: id, output_index: index, ...part, ...more }),
    item: (type, item) => emit({ type: `response.output_item.${type}`, output_index: index, item }),
  }
}

interface Life {
  readonly shown: (status: 'in_progress' | ItemEnd) => Readonly<Record<string, unknown>>
  /** Called once, before it is told that the item has ended. */
  readonly onClose: () => void
}

function lifeOf({ item }: Teller, { shown, onClose }: Life): Pick<Item, 'isOpen' | 'close' | 'shown'> {
  let status: 'in_progress' | ItemEnd = 'in_progress'
  item('added', shown(status))
  return {
    isOpen: () => status === 'in_progress',
    shown: () => shown(status),
    close(end) {
      if (status !== 'in_progress') return
      onClose()
      status = end
      item('done', shown(status))
    },
  }
}
