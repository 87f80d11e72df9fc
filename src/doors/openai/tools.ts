// Tools, the choice among them, and the form of an answer, as OpenAI's chat completions say them.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  ToolChoice_Mode as Mode,
  type ResponseFormatSchema,
  type Tool,
  type ToolChoiceSchema,
  ToolSchema,
  type WebSearchSchema,
} from '#gen/exai/v1/chat_pb'
import { createFields, type Fields, isObject } from '../http/fields.ts'
import type { Notes } from '../http/notes.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'

/** The functions that are declared. */
export function toolsOf(fields: Fields): readonly Tool[] {
  if (fields.raw('functions') !== undefined || fields.raw('function_call') !== undefined)
    throw unsupportedField('functions', 'and function_call are not taken: use tools and tool_choice')
  return fields.objects('tools').map(tool => {
    const type = tool.needText('type')
    if (type !== 'function')
      throw unsupportedField(
        tool.at('type'),
        `${JSON.stringify(type.slice(0, 64))} is not taken: declare functions, and set web_search_options for a search`,
      )
    return functionTool(tool.needObject('function'))
  })
}

/** A function as it is declared. */
export function functionTool(declared: Fields): Tool {
  const parameters = declared.object('parameters')
  const strict = declared.flag('strict')
  return create(ToolSchema, {
    name: declared.needText('name'),
    description: declared.text('description') ?? '',
    ...(parameters === undefined ? {} : { parameters: parameters.rest() }),
    ...(strict === undefined ? {} : { strict }),
  })
}

const MODES: Readonly<Record<string, Mode>> = { none: Mode.NONE, auto: Mode.AUTO, required: Mode.REQUIRED }

/** Which tool is to be called. */
export function toolChoiceOf(fields: Fields): MessageInitShape<typeof ToolChoiceSchema> | undefined {
  const choice = fields.raw('tool_choice')
  if (choice === undefined) return undefined
  if (typeof choice === 'string') {
    const mode = Object.hasOwn(MODES, choice) ? MODES[choice] : undefined
    if (mode === undefined) throw wrongField('tool_choice', 'must be none, auto, required or a function')
    return { choice: { case: 'mode', value: mode } }
  }
  if (!isObject(choice)) throw wrongField('tool_choice', 'must be none, auto, required or a function')
  const chosen = createFields(choice, 'tool_choice')
  if (chosen.needText('type') !== 'function')
    throw unsupportedField('tool_choice.type', 'must be "function": leave tools out that must not be called')
  // The Responses API has the name beside the type.
  const name = chosen.text('name') ?? chosen.needObject('function').needText('name')
  return { choice: { case: 'toolName', value: name } }
}

/** The form that the answer must have. */
export function responseFormatOf(fields: Fields): MessageInitShape<typeof ResponseFormatSchema> | undefined {
  const format = fields.object('response_format')
  if (format === undefined) return undefined
  const type = format.needText('type')
  switch (type) {
    case 'text':
      return { format: { case: 'text', value: {} } }
    case 'json_object':
      return { format: { case: 'json', value: {} } }
    case 'json_schema':
      return schemaFormat(format.needObject('json_schema'))
    default:
      throw unsupportedField(format.at('type'), 'must be text, json_object or json_schema')
  }
}

/** A JSON Schema that the answer must follow. */
export function schemaFormat(given: Fields): MessageInitShape<typeof ResponseFormatSchema> {
  const schema = given.object('schema')
  return {
    format: {
      case: 'jsonSchema',
      value: {
        name: given.needText('name'),
        description: given.text('description') ?? '',
        ...(schema === undefined ? {} : { schema: schema.rest() }),
        // OpenAI's default is not to insist, and ours is.
        strict: given.flag('strict') ?? false,
      },
    },
  }
}

/** Whether the web is to be searched. */
export function webSearchOf(
  fields: Fields,
  notes: Notes,
): MessageInitShape<typeof WebSearchSchema> | undefined {
  const options = fields.object('web_search_options')
  if (options === undefined) return undefined
  const domains = options.object('filters')?.list('allowed_domains')
  for (const name of Object.keys(options.rest()))
    notes.dropped(options.at(name), 'it is not known to every provider that searches')
  return { domains: (domains ?? []).filter(domain => typeof domain === 'string') }
}
