// How many tokens a model may write: what the caller asks, within what the model writes and what its window has room for.
import type { AttemptInput } from '../../core/provider.ts'
import type { Note } from './notes.ts'

/** What the cap is worked out from. */
export interface OutputCapInput extends Pick<AttemptInput, 'model' | 'request'> {
  /** What of the body becomes input. */
  readonly prompt: readonly unknown[]
}

/**
 * The cap to send, undefined for none. Some models may write as much as their whole window holds, and then prompt and cap
 * together never fit: such a cap leaves room for a prompt, and is left to the provider when the prompt may need most of it.
 */
export function outputCap({ model, request, prompt }: OutputCapInput, note: Note): number | undefined {
  const { maxOutputTokens: most = Number.POSITIVE_INFINITY } = model
  const { contextWindow: window = Number.POSITIVE_INFINITY } = model
  const asked = request.maxOutputTokens
  if (asked === undefined || asked < Math.min(window, most + 1)) return asked
  if (most < window) {
    note('CLAMPED', 'max_output_tokens', `${most}, the most that ${model.id} writes`)
    return most
  }
  // No token is shorter than a byte, so this much fits whatever the prompt says.
  const room = window - Buffer.byteLength(JSON.stringify(prompt))
  const shared = `prompt and answer of ${model.id} share ${window} tokens`
  if (room >= window / 2) {
    note('CLAMPED', 'max_output_tokens', `${room}: ${shared}`)
    return room
  }
  note('CLAMPED', 'max_output_tokens', `left to ${model.provider}: ${shared}`)
  return undefined
}
