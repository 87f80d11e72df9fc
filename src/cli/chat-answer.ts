// An answer as it is written while it comes, and the line about it.
import { toJsonString } from '@bufbuild/protobuf'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { type CompleteResponse, type StreamEvent, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import type { Output } from './chat-host.ts'
import { dollars } from './dollars.ts'
import { safeJson, safeLine, safeText } from './terminal-text.ts'

/** Where the parts of an answer go. */
export interface AnswerDeps {
  readonly output: Output
  /** Whether the output is a terminal, which text from outside must not steer. */
  readonly isTerminal: boolean
  /** Takes reasoning text. Absent: it is not shown. */
  readonly think?: ((text: string) => void) | undefined
  /** Takes a line for people. */
  readonly note: (line: string) => void
}

/** Writes one answer. */
export interface AnswerWriter {
  /** False: nobody reads it any more. */
  hear(event: StreamEvent): Promise<boolean>
  /** Ends the line when the answer has not done so. */
  endLine(): Promise<boolean>
}

/** A writer that prints the text, and nothing else, and ends it with a line break. */
export function createTextWriter({ output, isTerminal, think, note }: AnswerDeps): AnswerWriter {
  let isLineOpen = false
  let isThinking = false
  const endThought = (): void => {
    if (isThinking) think?.('\n')
    isThinking = false
  }
  return {
    async hear({ event }) {
      switch (event.case) {
        case 'textDelta': {
          endThought()
          const text = isTerminal ? safeText(event.value.text) : event.value.text
          if (text === '') return true
          isLineOpen = !text.endsWith('\n')
          return output.write(text)
        }
        case 'reasoningDelta':
          if (think === undefined) return true
          isThinking = true
          think(safeText(event.value.text))
          return true
        case 'warning':
          note(`warning: ${safeLine(event.value.message)}`)
          return true
        default:
          return true
      }
    },
    async endLine() {
      endThought()
      if (!isLineOpen) return true
      isLineOpen = false
      return output.write('\n')
    },
  }
}

/** A writer that prints each event as one line of JSON. */
export function createJsonWriter({ output }: Pick<AnswerDeps, 'output'>): AnswerWriter {
  return {
    hear: event => output.write(`${safeJson(toJsonString(StreamEventSchema, event))}\n`),
    endLine: async () => true,
  }
}

/** Why an answer that is complete may still not be whole, for people; undefined when the model had its say. */
export function cutNote({ finishReason }: CompleteResponse): string | undefined {
  if (finishReason === FinishReason.LENGTH) return 'the answer is cut: the most tokens were reached'
  if (finishReason === FinishReason.CONTENT_FILTER) return "the answer is cut: the provider's filter cut it"
  return undefined
}

/** One line about an answer: who gave it, its tokens, how long the first one took, and what it cost. */
export function answerLine(response: CompleteResponse, firstTokenMs: number | undefined): string {
  const { provider, model, usage, cost } = response
  const thought = usage?.reasoningTokens ?? 0
  return [
    safeLine(`${provider}/${model}`),
    `tokens ${usage?.inputTokens ?? 0} in, ${usage?.outputTokens ?? 0} out${thought > 0 ? ` (${thought} reasoning)` : ''}`,
    ...(firstTokenMs === undefined ? [] : [`first token after ${(firstTokenMs / 1000).toFixed(2)} s`]),
    cost?.known === true ? `$${dollars(cost.nanoUsd)}` : 'cost unknown',
  ].join(' · ')
}
