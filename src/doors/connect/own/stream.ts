// Answers calls whose answer is a stream of messages.
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { isBatched } from '../../../core/batched.ts'
import { isOpen } from '../../http/pace.ts'
import { explain } from '../errors.ts'
import type { OwnCall } from './call.ts'
import { encoded } from './envelope.ts'
import { createOutlet } from './outlet.ts'

type Answer = MessageInitShape<DescMessage>

/** Reads what a handler yields: in batches where it comes so, or else one by one. */
interface Source {
  next(): Promise<IteratorResult<readonly Answer[]>>
  /** Leaves the rest unread. */
  leave(): Promise<unknown>
}

/** Asks the handler of a stream and writes what it yields. Resolves when all has been handed to the system, or the client has left. */
export async function answerStream(call: OwnCall, ask: () => AsyncIterable<Answer>): Promise<void> {
  const { res, served } = call
  const outlet = createOutlet(call)
  let source: Source | undefined
  let isReading = false
  try {
    source = sourceOf(ask())
    for (;;) {
      isReading = true
      const step = await source.next()
      isReading = false
      if (step.done === true) break
      if (!isOpen(res)) return void source.leave()
      for (const answer of step.value) {
        const full = outlet.add(encoded(call, answer))
        if (full !== undefined) await full
      }
    }
  } catch (thrown) {
    const error = explain(thrown, served)
    // It has failed by itself, or has more to say that nobody can read.
    if (!isReading) await source?.leave()
    return await outlet.end(error)
  }
  await outlet.end()
}

function sourceOf(answers: AsyncIterable<Answer>): Source {
  // Whoever left does not hear why the rest fails.
  const leaving = (reader: AsyncIterator<unknown>) => (): Promise<unknown> =>
    Promise.resolve(reader.return?.()).catch(() => undefined)
  if (isBatched(answers)) {
    const reader = answers.batches()
    return { next: () => reader.next(), leave: leaving(reader) }
  }
  const reader = answers[Symbol.asyncIterator]()
  return {
    next: async () => {
      const step = await reader.next()
      return step.done === true ? step : { done: false, value: [step.value] }
    },
    leave: leaving(reader),
  }
}
