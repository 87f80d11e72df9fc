// Blocks of a streamed message: Anthropic sends one after the other, and ours may grow side by side.
import type { Frame } from '../http/frame.ts'
import type { Wire } from './answer.ts'

/** A block that grows. */
export interface Block {
  /** Such as `text`. */
  readonly type: unknown
  /** Adds a piece. */
  add(delta: Wire): void
  /** Says that nothing comes after this. */
  close(): void
}

/** The blocks of one message. */
export interface Blocks {
  /** Begins a block behind all others. */
  open(start: Wire): Block
  /** The block that was begun last; undefined when there is none, or when it is closed. */
  last(): Block | undefined
  /** What can be sent now: of the first block that is not closed all pieces, of those behind it nothing. */
  frames(): readonly Frame[]
}

interface Growing {
  readonly block: Block
  readonly start: Wire
  readonly deltas: Wire[]
  isBegun: boolean
  isClosed: boolean
}

/** Makes the blocks of one message. */
export function createBlocks(): Blocks {
  // Only those that were not sent whole.
  const queue: Growing[] = []
  let index = 0

  function* sendable(): Generator<Frame> {
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      if (!head.isBegun) yield frameOf({ type: 'content_block_start', index, content_block: head.start })
      head.isBegun = true
      for (const delta of head.deltas.splice(0)) yield frameOf({ type: 'content_block_delta', index, delta })
      if (!head.isClosed) return
      yield frameOf({ type: 'content_block_stop', index })
      index += 1
      queue.shift()
    }
  }

  return {
    open: start => {
      const deltas: Wire[] = []
      const growing: Growing = {
        block: {
          type: start['type'],
          add: delta => void deltas.push(delta),
          close: () => {
            growing.isClosed = true
          },
        },
        start,
        deltas,
        isBegun: false,
        isClosed: false,
      }
      queue.push(growing)
      return growing.block
    },
    last: () => {
      const last = queue.at(-1)
      return last === undefined || last.isClosed ? undefined : last.block
    },
    frames: () => [...sendable()],
  }
}

/** A frame whose event is named as its type. */
export function frameOf(data: Wire & { readonly type: string }): Frame {
  return { event: data.type, data }
}
