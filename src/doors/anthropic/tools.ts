// Tools, and the choice among them, as Anthropic's messages say them.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  ToolChoice_Mode as Mode,
  type Tool,
  type ToolChoiceSchema,
  ToolSchema,
  type WebSearchSchema,
} from '#gen/exai/v1/chat_pb'
import type { Fields } from '../http/fields.ts'
import type { Notes } from '../http/notes.ts'
import { unsupportedField } from '../http/refusal.ts'

/** What a request says of tools. */
export interface Tools {
  readonly tools: readonly Tool[]
  /** Undefined: the model decides. */
  readonly toolChoice: MessageInitShape<typeof ToolChoiceSchema> | undefined
  /** Undefined: the provider's default. */
  readonly parallelToolCalls: boolean | undefined
  /** Undefined: no search. */
  readonly webSearch: MessageInitShape<typeof WebSearchSchema> | undefined
}

/** Anthropic's tool that searches the web, in any of its versions. */
const WEB_SEARCH = /^web_search_\d{8}$/

/** Reads what a request says of tools. Throws what the client is to be told. */
export function toolsOf(fields: Fields, notes: Notes): Tools {
  const declared = fields.objects('tools').map(tool => ({ tool, type: tool.text('type') ?? 'custom' }))
  const searches = declared.filter(({ type }) => WEB_SEARCH.test(type))
  for (const { tool, type } of declared)
    if (type !== 'custom' && !WEB_SEARCH.test(type))
      throw unsupportedField(
        tool.at('type'),
        `${JSON.stringify(type.slice(0, 64))} is not taken: declare functions, or a web_search tool`,
      )
  const tools = declared.filter(({ type }) => type === 'custom').map(({ tool }) => functionTool(tool, notes))
  const choice = fields.object('tool_choice')
  const [search] = searches
  return {
    tools,
    toolChoice: choice === undefined ? undefined : toolChoiceOf(choice, { tools, search, notes }),
    parallelToolCalls: choice?.flag('disable_parallel_tool_use') === true ? false : undefined,
    webSearch: search === undefined ? undefined : webSearchOf(search.tool, notes),
  }
}

function functionTool(declared: Fields, notes: Notes): Tool {
  const strict = declared.flag('strict')
  if (declared.raw('input_examples') !== undefined)
    notes.dropped(declared.at('input_examples'), 'examples of arguments belong into the description here')
  return create(ToolSchema, {
    name: declared.needText('name'),
    description: declared.text('description') ?? '',
    parameters: declared.needObject('input_schema').rest(),
    ...(strict === undefined ? {} : { strict }),
  })
}

const MODES: Readonly<Record<string, Mode>> = { auto: Mode.AUTO, any: Mode.REQUIRED, none: Mode.NONE }

interface Declared {
  readonly tools: readonly Tool[]
  readonly search: { readonly tool: Fields } | undefined
  readonly notes: Notes
}

function toolChoiceOf(choice: Fields, { tools, search, notes }: Declared): Tools['toolChoice'] {
  const type = choice.needText('type')
  if (type === 'tool') {
    const name = choice.needText('name')
    const isSearch = tools.every(tool => tool.name !== name) && search?.tool.text('name') === name
    if (!isSearch) return { choice: { case: 'toolName', value: name } }
    notes.dropped(choice.path, 'whether the web is searched is for the provider to choose')
    return undefined
  }
  const mode = Object.hasOwn(MODES, type) ? MODES[type] : undefined
  if (mode === undefined) throw unsupportedField(choice.at('type'), 'must be auto, any, tool or none')
  // To choose freely among nothing is the same as not to say it.
  if (mode === Mode.AUTO && tools.length === 0) return undefined
  return { choice: { case: 'mode', value: mode } }
}

const SEARCH_FIELDS = ['max_uses', 'blocked_domains', 'user_location'] as const

function webSearchOf(tool: Fields, notes: Notes): MessageInitShape<typeof WebSearchSchema> {
  for (const name of SEARCH_FIELDS)
    if (tool.raw(name) !== undefined)
      notes.dropped(tool.at(name), 'it is not known to every provider that searches')
  const domains = tool.list('allowed_domains') ?? []
  return { domains: domains.filter(domain => typeof domain === 'string') }
}
