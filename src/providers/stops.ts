// Cuts an answer at the caller's stop strings, for hosts that do not.
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Delta, Deltas } from '../core/delta.ts'
import type { Ask } from './ask.ts'

/** Finds stop strings in a text that comes in pieces. */
export interface StopFinder {
  /** The part of the text that can be said, and whether a stop string ends it. */
  take(piece: string): { readonly text: string; readonly stopped: boolean }
  /** What was held back, because it could have begun a stop string. */
  rest(): string
}

/** Makes one for one answer. Of several strings the one that begins first counts. */
export function createStopFinder(stops: readonly string[]): StopFinder {
  let held = ''
  return {
    take(piece) {
      const all = held + piece
      const places = stops.map(stop => all.indexOf(stop)).filter(place => place !== -1)
      if (places.length > 0) {
        held = ''
        return { text: all.slice(0, Math.min(...places)), stopped: true }
      }
      const keep = Math.max(0, ...stops.map(stop => beginning(all, stop)))
      held = all.slice(all.length - keep)
      return { text: all.slice(0, all.length - keep), stopped: false }
    },
    rest() {
      const left = held
      held = ''
      return left
    },
  }
}

/**
 * Ends the answer before the first stop string in its text, and the request with it: what the model would still write is
 * neither waited for nor paid for. Thoughts and the arguments of tools are not looked at.
 */
export function withStops(ask: Ask): Ask {
  return async function* askUntilStop(input): Deltas {
    const { stop } = input.request
    if (stop.length === 0) {
      yield* ask(input)
      return
    }
    const finder = createStopFinder(stop)
    let called = false
    for await (const batch of ask(input)) {
      const out: Delta[] = []
      for (const [index, delta] of batch.entries()) {
        if (delta.type === 'text' && !called) {
          const { text, stopped } = finder.take(delta.text)
          if (text !== '') out.push({ type: 'text', text })
          if (stopped) {
            // An answer that came whole has its counts in the same batch.
            const counted = batch.slice(index + 1).filter(({ type }) => type === 'usage' || type === 'meta')
            yield [...out, ...counted, { type: 'finish', reason: FinishReason.STOP }]
            return
          }
          continue
        }
        if (endsText(delta)) {
          const text = finder.rest()
          if (text !== '') out.push({ type: 'text', text })
        }
        called ||= delta.type === 'tool_call_start'
        out.push(delta)
      }
      if (out.length > 0) yield out
    }
  }
}

// A stop string has no seam: what comes between two texts is not part of one.
function endsText({ type }: Delta): boolean {
  return type === 'tool_call_start' || type === 'finish'
}

/** How much of the end of a text can be the beginning of a stop string. */
function beginning(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(stop.slice(0, length))) return length
  }
  return 0
}
