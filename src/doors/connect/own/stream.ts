// Answers calls whose answer is a stream of messages.
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { isOpen } from '../../http/pace.ts'
import { explain } from '../errors.ts'
import type { OwnCall } from './call.ts'
import { createOutlet, encoded } from './outlet.ts'

type Answer = MessageInitShape<DescMessage>

/** Asks the handler of a stream and writes what it yields. Resolves when all has been handed to the system, or the client has left. */
export async function answerStream(call: OwnCall, ask: () => AsyncIterable<Answer>): Promise<void> {
  const { res, served } = call
  const outlet = createOutlet(call)
  let source: AsyncIterator<Answer> | undefined
  let isReading = false
  try {
    source = ask()[Symbol.asyncIterator]()
    for (;;) {
      isReading = true
      const step = await source.next()
      isReading = false
      if (step.done === true) break
      if (!isOpen(res)) return void leave(source)
      const full = outlet.add(encoded(call, step.value))
      if (full !== undefined) await full
    }
  } catch (thrown) {
    const error = explain(thrown, served)
    // It has failed by itself, or has more to say that nobody can read.
    if (!isReading && source !== undefined) await leave(source)
    return await outlet.end(error)
  }
  await outlet.end()
}

// Whoever left does not hear why the rest fails.
function leave(source: AsyncIterator<Answer>): Promise<unknown> {
  return Promise.resolve(source.return?.()).catch(() => undefined)
}
