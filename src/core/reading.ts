// Batches of an answer as an iterator that is made by hand, because a generator for each call is dear.

/** Where the batches come from. */
export interface ReadingDeps<Batch> {
  /** The next batch; undefined at the end. */
  readonly next: () => Promise<Batch | undefined>
  /** Called when the reader leaves before the end. */
  readonly leave: () => Promise<void>
}

/** The step behind the last one. */
export const OVER = { done: true, value: undefined } as const

/**
 * Makes an iterator with the ways of a generator. A generator function that is made anew for each call is a class of its own
 * to V8: its objects outlive the call until the next full collection, and slow down whoever reads them.
 */
export function createReading<Batch>({ next, leave }: ReadingDeps<Batch>): AsyncGenerator<Batch> {
  return readingOf<Batch>(async () => {
    const batch = await next()
    return batch === undefined ? OVER : { done: false, value: batch }
  }, leave)
}

/** The same for whoever has steps to give already: they are handed on without another turn. */
export function readingOf<Item>(
  next: () => Promise<IteratorResult<Item>>,
  leave: () => Promise<void>,
): AsyncGenerator<Item> {
  const reading: AsyncGenerator<Item> = {
    next,
    async return() {
      await leave()
      return OVER
    },
    async throw(caught) {
      await leave()
      throw caught
    },
    async [Symbol.asyncDispose]() {
      await leave()
    },
    [Symbol.asyncIterator]: () => reading,
  }
  return reading
}
