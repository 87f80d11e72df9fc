// Things that come in batches: whoever likes reads them one by one, and whoever writes many at once batch by batch.
import { createReading } from './reading.ts'

/** A stream of things that come in batches; it is read one by one, or by `batches`, and not both ways. */
export interface Batched<T> extends AsyncGenerator<T> {
  /** The same, as they come: no batch is empty. */
  batches(): AsyncGenerator<readonly T[]>
}

/** Makes a stream of batches, none of which is empty. */
export function batched<T>(source: AsyncGenerator<readonly T[]>): Batched<T> {
  let batch: readonly T[] = []
  let place = 0
  const reading = createReading<T>({
    async next() {
      if (place >= batch.length) {
        const step = await source.next()
        if (step.done === true) return undefined
        batch = step.value
        place = 0
      }
      place += 1
      return batch[place - 1]
    },
    async leave() {
      batch = []
      await source.return(undefined)
    },
  })
  return Object.assign(reading, { batches: () => source })
}

/** The batches of a stream, or batches of one where it comes one by one. */
export function batchesOf<T>(stream: AsyncIterable<T>): AsyncIterable<readonly T[]> {
  return isBatched(stream) ? stream.batches() : singly(stream)
}

/** Whether a stream can be read in batches. */
export function isBatched<T>(stream: AsyncIterable<T>): stream is Batched<T> {
  return 'batches' in stream
}

async function* singly<T>(stream: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  for await (const one of stream) yield [one]
}
