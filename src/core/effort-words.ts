// The words for steps of effort, which are the same on every wire.
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import type { ReasoningEffort as EffortWord } from './model.ts'

/** A step of effort by its word, least first. */
export const effortByWord: Readonly<Record<EffortWord, ReasoningEffort>> = {
  none: ReasoningEffort.NONE,
  minimal: ReasoningEffort.MINIMAL,
  low: ReasoningEffort.LOW,
  medium: ReasoningEffort.MEDIUM,
  high: ReasoningEffort.HIGH,
  xhigh: ReasoningEffort.XHIGH,
  max: ReasoningEffort.MAX,
}
