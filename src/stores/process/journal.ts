// Keeps the newest settlements in memory: the journal of a service without a store.
import type { Message, Part } from '#gen/exai/v1/chat_pb'
import type { Journal, Settlement } from '../../core/settlement.ts'

/** Settlements kept, newest; older ones are forgotten so that memory stays flat. */
export const KEPT_MAX = 256
/** Bytes of answers kept with them, as UTF-8; beyond it the oldest settlements lose their answers and nothing else. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024

/** A journal in memory. */
export interface ProcessJournal extends Journal {
  /** The newest settlements, oldest first. */
  recent(): readonly Settlement[]
  /** How many were ever committed. */
  count(): number
}

/** What a journal in memory may keep. */
export interface ProcessJournalLimits {
  readonly keptMax?: number
  readonly answerBytesMax?: number
}

interface Kept {
  readonly settlement: Settlement
  readonly answerBytes: number
}

/** Makes an empty journal. */
export function createProcessJournal({
  keptMax = KEPT_MAX,
  answerBytesMax = ANSWER_BYTES_MAX,
}: ProcessJournalLimits = {}): ProcessJournal {
  const kept: Kept[] = []
  let committed = 0
  let answerBytes = 0

  function dropAnswers(): void {
    for (let index = 0; answerBytes > answerBytesMax && index < kept.length; index += 1) {
      const one = kept[index]
      if (one === undefined || one.answerBytes === 0) continue
      const { answer: _, ...settlement } = one.settlement
      answerBytes -= one.answerBytes
      kept[index] = { settlement, answerBytes: 0 }
    }
  }

  return {
    // What a turn and a recording keep is found nowhere here, so it would only take memory.
    async commit({ turn: _turn, ending: _ending, ...settlement }) {
      const bytes = bytesOf(settlement.answer)
      kept.push({ settlement, answerBytes: bytes })
      committed += 1
      answerBytes += bytes
      if (kept.length > keptMax) answerBytes -= kept.shift()?.answerBytes ?? 0
      dropAnswers()
    },
    recent: () => kept.map(({ settlement }) => settlement),
    count: () => committed,
  }
}

/** What a part takes beside its texts, roughly: many empty parts are not free either. */
const PART_BYTES = 128

function bytesOf(answer: Message | undefined): number {
  return answer?.content.reduce((sum, part) => sum + PART_BYTES + bytesOfPart(part), 0) ?? 0
}

function bytesOfPart({ kind }: Part): number {
  switch (kind.case) {
    case 'text':
      return textBytes(kind.value)
    case 'reasoning':
      return textBytes(kind.value.text) + kind.value.opaque.byteLength
    case 'toolCall':
      return textBytes(kind.value.callId, kind.value.name, kind.value.arguments)
    case 'citation':
      return textBytes(kind.value.url, kind.value.title, kind.value.text)
    // Nothing that a model puts out.
    case 'media':
    case 'toolResult':
    case undefined:
      return 0
    default:
      return kind satisfies never
  }
}

/** Measuring a text that grew by the token also makes it one piece, which takes a tenth of the memory. */
function textBytes(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}
