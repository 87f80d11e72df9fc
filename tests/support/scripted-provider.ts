// A provider that does exactly what a test wrote down, and remembers what it was asked.
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { assumedEntry } from '../../src/catalogue/configured.ts'
import type { Delta } from '../../src/core/delta.ts'
import type { ModelEntry } from '../../src/core/model.ts'
import type { AttemptInput, Provider } from '../../src/core/provider.ts'

/** One step of a script: a batch, a fault to throw, or a silence that only the attempt's end breaks. */
export type Step = readonly Delta[] | Error | 'silence'

/** A provider with its record. */
export interface ScriptedProvider extends Provider {
  readonly asked: readonly AttemptInput[]
  /** How many attempts saw their signal abort. */
  readonly aborted: () => number
  /** How many iterations ran to their `finally`. */
  readonly released: () => number
}

/** An answer that says a text and stops. */
export function saying(...pieces: readonly string[]): readonly Step[] {
  return [
    ...pieces.map((text): Step => [{ type: 'text', text }]),
    [{ type: 'finish', reason: FinishReason.STOP }],
  ]
}

/** Makes a provider; each attempt takes the next script, and the last one again and again. */
export function createScriptedProvider(
  id: string,
  scripts: readonly (readonly Step[])[],
  models: readonly ModelEntry[] = [assumedEntry(id, `${id}-model`)],
): ScriptedProvider {
  const asked: AttemptInput[] = []
  let aborted = 0
  let released = 0
  async function* play(script: readonly Step[], signal: AbortSignal): AsyncGenerator<readonly Delta[]> {
    signal.addEventListener('abort', () => {
      aborted += 1
    })
    try {
      for (const step of script) {
        signal.throwIfAborted()
        if (step === 'silence') {
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        } else if (step instanceof Error) throw step
        else yield step as readonly Delta[]
      }
    } finally {
      released += 1
    }
  }
  return {
    id,
    unusableReason: '',
    models,
    asked,
    aborted: () => aborted,
    released: () => released,
    open(input) {
      const script = scripts[Math.min(asked.length, scripts.length - 1)] ?? []
      asked.push(input)
      input.sent?.()
      return play(script, input.signal)
    },
    close: async () => undefined,
  }
}
