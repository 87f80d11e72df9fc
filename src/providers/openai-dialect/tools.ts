// The tools of a request on the wire: functions, the host's own search, and which of them must be called.
import type { Tool } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../../core/provider.ts'
import type { Fields } from '../merge.ts'
import type { Dialect, ToolChoiceForm } from './dialect.ts'
import type { Note } from './notes.ts'
import { ruleFor, willThink } from './thinking.ts'
import { choiceForm } from './tool-choice.ts'

/** Builds the fields about tools. */
export function buildTools(input: AttemptInput, dialect: Dialect, note: Note): Fields {
  const { model, request } = input
  const choice = chooseForm(input, dialect, note)
  const own = functions(input, dialect, choice, note).map(({ tool, index }) =>
    wireTool(input, dialect, tool, index, note),
  )
  const search = searchTool(input, dialect, note)
  const tools = [...own, ...search]
  if (tools.length === 0) return {}
  const parallel = request.parallelToolCalls
  if (parallel !== undefined && own.length > 0 && !dialect.takes.parallelToolCalls)
    note('DROPPED', 'parallel_tool_calls', `${model.provider} takes no such field`)
  return {
    tools,
    tool_choice: own.length === 0 ? undefined : wireChoice(input, choice),
    parallel_tool_calls: dialect.takes.parallelToolCalls ? parallel : undefined,
    tool_stream: input.stream && own.length > 0 && dialect.toolStream?.test(model.id) ? true : undefined,
  }
}

/** The choice that is sent; `named` of one tool may become `required` with no other tool to call. */
function chooseForm(input: AttemptInput, dialect: Dialect, note: Note): ToolChoiceForm | undefined {
  const { model } = input
  const asked = choiceForm(input)
  if (asked === undefined || asked === 'none') return asked
  const rule = ruleFor(dialect.toolChoiceRules, model)
  const taken = rule !== undefined && willThink(input, dialect) ? rule.whileThinking : dialect.toolChoices
  if (taken.includes(asked)) return asked
  if (asked === 'named' && taken.includes('required')) {
    note('CHANGED', 'tool_choice', `required, with only that tool, because ${model.id} cannot be told a name`)
    return 'required'
  }
  note('CHANGED', 'tool_choice', `auto, because ${model.provider} cannot be told ${asked}`)
  return 'auto'
}

interface Numbered {
  readonly tool: Tool
  readonly index: number
}

function functions(
  { model, request }: AttemptInput,
  dialect: Dialect,
  choice: ToolChoiceForm | undefined,
  note: Note,
): readonly Numbered[] {
  const all = request.tools.map((tool, index) => ({ tool, index }))
  const { choice: asked } = request.toolChoice ?? {}
  if (choice === 'required' && asked?.case === 'toolName')
    return all.filter(({ tool }) => tool.name === asked.value)
  if (choice !== 'none' || dialect.toolChoices.includes('none')) return all
  note('NOTICE', 'tools', `not sent, because ${model.provider} cannot be told to call none of them`)
  return []
}

function wireChoice({ request }: AttemptInput, form: ToolChoiceForm | undefined): unknown {
  const { choice } = request.toolChoice ?? {}
  if (form === 'named' && choice?.case === 'toolName')
    return { type: 'function', function: { name: choice.value } }
  return form
}

function wireTool(input: AttemptInput, dialect: Dialect, tool: Tool, index: number, note: Note): Fields {
  if (tool.strict !== undefined && !dialect.takes.toolStrict) {
    note('DROPPED', `tools[${index}].strict`, `${input.model.provider} takes no such field`)
  }
  const strict = dialect.takes.toolStrict ? tool.strict : undefined
  // Without a schema the function takes no arguments; a strict one has to say so (OpenAI).
  const nothing = { type: 'object', properties: {}, ...(strict === true && { additionalProperties: false }) }
  const described = tool.description === '' ? undefined : tool.description
  const schema: Fields = tool.parameters ?? nothing
  const parameters = dialect.adaptSchema === undefined ? schema : dialect.adaptSchema(schema)
  return { type: 'function', function: { name: tool.name, description: described, parameters, strict } }
}

function searchTool({ model, request }: AttemptInput, dialect: Dialect, note: Note): readonly Fields[] {
  const { webSearch } = request
  if (webSearch === undefined) return []
  if (dialect.webSearch !== undefined) return [dialect.webSearch(webSearch, note)]
  note('DROPPED', 'web_search', `${model.provider} cannot search at this endpoint`)
  return []
}
