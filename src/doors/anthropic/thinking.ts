// How long a model may think, and how much of that is shown, as Anthropic's messages say it.
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import type { Fields } from '../http/fields.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'

/**
 * What of the thoughts is shown: nothing to a client that does not ask for thoughts, because it takes the first block for
 * the answer; for `sealed` all but their text.
 */
export type Shown = 'nothing' | 'sealed' | 'all'

/** What a request says of thinking. */
export interface Thinking {
  readonly effort: ReasoningEffort
  readonly shown: Shown
}

const EFFORTS: Readonly<Record<string, ReasoningEffort>> = {
  low: ReasoningEffort.LOW,
  medium: ReasoningEffort.MEDIUM,
  high: ReasoningEffort.HIGH,
  xhigh: ReasoningEffort.XHIGH,
  max: ReasoningEffort.MAX,
}

/** A budget below so many tokens is such an effort; a larger one is MAX. */
const BUDGETS: readonly (readonly [belowTokens: number, effort: ReasoningEffort])[] = [
  [4_096, ReasoningEffort.LOW],
  [16_384, ReasoningEffort.MEDIUM],
  [32_768, ReasoningEffort.HIGH],
  [65_536, ReasoningEffort.XHIGH],
]

/** Reads `thinking`, and the effort of `output_config`, which wins over a budget. Throws what the client is to be told. */
export function thinkingOf(fields: Fields): Thinking {
  const thinking = fields.object('thinking')
  const config = fields.object('output_config')
  const effort = effortOf(config)
  if (thinking === undefined) return { effort: effort ?? ReasoningEffort.UNSPECIFIED, shown: 'nothing' }
  const shown = thinking.text('display') === 'omitted' ? 'sealed' : 'all'
  const type = thinking.needText('type')
  switch (type) {
    case 'enabled':
      return { effort: effort ?? budgetEffort(thinking), shown }
    case 'adaptive':
      return { effort: effort ?? ReasoningEffort.UNSPECIFIED, shown }
    case 'disabled':
      return { effort: ReasoningEffort.NONE, shown: 'nothing' }
    default:
      throw unsupportedField(thinking.at('type'), 'must be enabled, adaptive or disabled')
  }
}

function effortOf(config: Fields | undefined): ReasoningEffort | undefined {
  const word = config?.text('effort')
  if (config === undefined || word === undefined) return undefined
  const effort = Object.hasOwn(EFFORTS, word) ? EFFORTS[word] : undefined
  if (effort === undefined)
    throw wrongField(config.at('effort'), `must be one of ${Object.keys(EFFORTS).join(', ')}`)
  return effort
}

function budgetEffort(thinking: Fields): ReasoningEffort {
  const tokens = thinking.whole('budget_tokens')
  if (tokens === undefined || tokens < 1)
    throw wrongField(thinking.at('budget_tokens'), 'must be a number of tokens, 1 or more')
  return BUDGETS.find(([below]) => tokens < below)?.[1] ?? ReasoningEffort.MAX
}
