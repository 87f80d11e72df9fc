// Whether and which tool a model is told to call, by the rules of its host and of its family.
import { ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../../core/provider.ts'
import type { ToolChoiceForm } from './dialect.ts'

const forms: ReadonlyMap<ToolChoice_Mode, ToolChoiceForm> = new Map<ToolChoice_Mode, ToolChoiceForm>([
  [ToolChoice_Mode.AUTO, 'auto'],
  [ToolChoice_Mode.NONE, 'none'],
  [ToolChoice_Mode.REQUIRED, 'required'],
])

/** The form of the caller's choice; undefined when there is none, or no tool to choose. */
export function choiceForm({ request }: AttemptInput): ToolChoiceForm | undefined {
  const choice = request.toolChoice?.choice
  // Hosts refuse a choice without tools; without them every choice means the same.
  if (choice === undefined || choice.case === undefined || request.tools.length === 0) return undefined
  return choice.case === 'toolName' ? 'named' : forms.get(choice.value)
}
