// Makes docs/api.md, the reference of every RPC, message and enum, out of the comments in proto/. `npm run gen` runs it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  ScalarType,
} from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel,
} from '@bufbuild/protobuf/wkt'
import { needOf } from '../src/access/scopes.ts'
import { readBytes, root } from './step.ts'

/** Where the reference is, from the repository's root. */
export const REFERENCE = 'docs/api.md'

const HEAD = `# The contract, field by field

Made from the comments in [proto/exai/v1](../proto/exai/v1) by \`npm run gen\`: every RPC, message and enum of \`exai.v1\`. How they work
together, with examples, is told in [guide.md](guide.md). Over JSON, names are written in lowerCamelCase (\`finish_reason\` is
\`finishReason\`), 64-bit integers and bytes are strings, and a path is \`POST /exai.v1.ChatService/Complete\`.
`

type Described = DescService | DescMethod | DescMessage | DescField | DescEnum | DescEnum['values'][number]

/** The whole reference as Markdown. */
export function apiReference(): string {
  const image = readBytes({
    tool: 'buf',
    args: ['build', 'proto', '-o', '-#format=binpb'],
    remedy: 'correct the .proto file that it names',
  })
  const set = fromBinary(FileDescriptorSetSchema, image)
  const registry = createFileRegistry(set)
  const own = set.file.filter(file => file.package === 'exai.v1').map(file => file.name)
  const files = own.flatMap(name => registry.getFile(name) ?? [])
  const comments = commentsOf(set.file)
  const say = (what: Described): string => comments.get(keyOf(what)) ?? ''
  const services = files.flatMap(file => file.services)
  const parts = [
    HEAD,
    services
      .map(service => `- [${service.name}](#${service.name.toLowerCase()}): ${first(say(service))}`)
      .join('\n'),
    ...services.map(service => serviceText(service, say)),
    ...files.flatMap(file => fileText(file, say)),
  ]
  return `${parts.join('\n\n').replaceAll(/\n{3,}/g, '\n\n')}\n`
}

function serviceText(service: DescService, say: (what: Described) => string): string {
  const methods = service.methods.map(method => {
    const need = needOf(`${service.typeName}/${method.name}`)
    const facts = [
      `takes ${stream(method.methodKind, 'client')}${link(method.input)}`,
      `gives ${stream(method.methodKind, 'server')}${link(method.output)}`,
      `scope \`${need}\``,
      ...(method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
        ? ['has no side effects']
        : []),
    ]
    return `### ${service.name}.${method.name}\n\n${say(method)}\n\n${facts.join(', ')}.`
  })
  return [`## ${service.name}`, say(service), ...methods].join('\n\n')
}

function stream(kind: DescMethod['methodKind'], side: 'client' | 'server'): string {
  return kind === 'bidi_streaming' || kind === `${side}_streaming` ? 'a stream of ' : ''
}

function fileText(file: DescFile, say: (what: Described) => string): readonly string[] {
  const messages = file.messages.flatMap(withInner)
  const enums = [...file.enums, ...messages.flatMap(message => message.nestedEnums)]
  return [
    `## ${file.name.replace(/^exai\/v1\//, '')}.proto`,
    ...messages.map(message => messageText(message, say)),
    ...enums.map(each => enumText(each, say)),
  ]
}

/** A message and those within it, but for the entries of maps. */
function withInner(message: DescMessage): readonly DescMessage[] {
  return [
    message,
    ...message.nestedMessages.filter(inner => inner.proto.options?.mapEntry !== true).flatMap(withInner),
  ]
}

function messageText(message: DescMessage, say: (what: Described) => string): string {
  const rows = message.fields.map(field => {
    const group = field.oneof === undefined || isOptional(field) ? '' : ` (one of \`${field.oneof.name}\`)`
    return `| \`${field.name}\` | ${typeOf(field)}${group} | ${cell(say(field))} |`
  })
  const table = rows.length === 0 ? ['It has no fields.'] : ['| field | type | |\n|---|---|---|', ...rows]
  return `### ${nameOf(message)}\n\n${say(message)}\n\n${table.join('\n')}`
}

function enumText(each: DescEnum, say: (what: Described) => string): string {
  const rows = each.values.map(value => `| \`${value.name}\` | ${value.number} | ${cell(say(value))} |`)
  return `### ${nameOf(each)}\n\n${say(each)}\n\n| value | number | |\n|---|---|---|\n${rows.join('\n')}`
}

function typeOf(field: DescField): string {
  if (field.fieldKind === 'map')
    return `map of ${field.mapKind === 'scalar' ? scalar(field.scalar) : link(field.message ?? field.enum)} by string`
  if (field.fieldKind === 'list')
    return `list of ${field.listKind === 'scalar' ? scalar(field.scalar) : link(field.message ?? field.enum)}`
  const type = field.fieldKind === 'scalar' ? scalar(field.scalar) : link(field.message ?? field.enum)
  return isOptional(field) ? `optional ${type}` : type
}

function isOptional(field: DescField): boolean {
  return field.proto.proto3Optional
}

function scalar(type: ScalarType): string {
  return ScalarType[type].toLowerCase()
}

function link(type: DescMessage | DescEnum | undefined): string {
  if (type === undefined) return ''
  if (!type.typeName.startsWith('exai.v1.')) return `\`${type.typeName}\``
  return `[${nameOf(type)}](#${nameOf(type).toLowerCase().replaceAll('.', '')})`
}

function nameOf(type: DescMessage | DescEnum): string {
  return type.typeName.slice('exai.v1.'.length)
}

function first(text: string): string {
  return text.replaceAll('\n', ' ').split(/(?<=\.)\s/)[0] ?? ''
}

function cell(text: string): string {
  return text.replaceAll('\n', ' ').replaceAll('|', '\\|')
}

function keyOf(what: Described): string {
  if (what.kind === 'rpc') return `${what.parent.typeName}.${what.name}`
  if (what.kind === 'field') return `${what.parent.typeName}.${what.name}`
  if (what.kind === 'enum_value') return `${what.parent.typeName}:${what.name}`
  return what.typeName
}

/** Every comment of the files by the full name of what it stands at. Paths: descriptor.proto, SourceCodeInfo.Location. */
function commentsOf(files: readonly FileDescriptorProto[]): ReadonlyMap<string, string> {
  const comments = new Map<string, string>()
  for (const file of files) {
    for (const { path, leadingComments } of file.sourceCodeInfo?.location ?? []) {
      const name = nameAt(file, path)
      if (name !== undefined && leadingComments !== '') comments.set(name, tidied(leadingComments))
    }
  }
  return comments
}

function tidied(comment: string): string {
  return comment
    .split('\n')
    .map(line => line.trim())
    .filter(line => !line.startsWith('buf:lint:'))
    .join('\n')
    .trim()
}

interface Named {
  readonly name: string
  readonly nestedType?: readonly Named[]
  readonly enumType?: readonly Named[]
  readonly field?: readonly Named[]
  readonly value?: readonly Named[]
  readonly method?: readonly Named[]
  readonly messageType?: readonly Named[]
  readonly service?: readonly Named[]
}

// The number of a field of descriptor.proto means something else in a file, a message, an enum and a service.
const STEPS: Readonly<Record<string, Readonly<Record<number, readonly [keyof Named, string, string]>>>> = {
  file: {
    4: ['messageType', 'message', '.'],
    5: ['enumType', 'enum', '.'],
    6: ['service', 'service', '.'],
  },
  message: { 2: ['field', 'leaf', '.'], 3: ['nestedType', 'message', '.'], 4: ['enumType', 'enum', '.'] },
  enum: { 2: ['value', 'leaf', ':'] },
  service: { 2: ['method', 'leaf', '.'] },
}

function nameAt(file: FileDescriptorProto, path: readonly number[]): string | undefined {
  let name = file.package
  let kind = 'file'
  let at: Named = file
  if (path.length === 0 || path.length % 2 !== 0) return undefined
  for (let index = 0; index < path.length; index += 2) {
    const step = STEPS[kind]?.[path[index] ?? 0]
    const list = step === undefined ? undefined : at[step[0]]
    const next = typeof list === 'string' ? undefined : list?.[path[index + 1] ?? 0]
    if (step === undefined || next === undefined) return undefined
    name += step[2] + next.name
    kind = step[1]
    at = next
  }
  return name
}

/** Writes the reference. */
export function writeReference(): void {
  writeFileSync(join(root, REFERENCE), apiReference())
}
