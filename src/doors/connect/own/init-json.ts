// Writes the JSON text of a message right from what it is made of, without the message and the objects that would become the text.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  type MessageInitShape,
  ScalarType,
} from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'
import { createJsonWriters, type JsonWriter } from './init-json-values.ts'

/**
 * Writes a message as the codec of all messages would. Undefined for one that has anything in it that is not written here, or that
 * may be wrong: that is for the codec, which writes it or says what is wrong.
 */
export type InitWriter<Desc extends DescMessage> = (init: MessageInitShape<Desc>) => string | undefined

/** What is written of a field: empty when it is not there. */
type FieldWriter = (message: Readonly<Record<string, unknown>>) => string | undefined

/** Makes the writer of a message. */
export function initWriter<Desc extends DescMessage>(desc: Desc): InitWriter<Desc> {
  return compile(desc, new Map())
}

type Compiled = Map<DescMessage, JsonWriter>

function compile(desc: DescMessage, compiled: Compiled): JsonWriter {
  const known = compiled.get(desc)
  if (known !== undefined) return known
  const special = createJsonWriters.special(desc)
  if (special !== undefined) return special
  const fields: FieldWriter[] = []
  const write: JsonWriter = value => {
    if (!isMessage(value, desc)) return undefined
    let text = ''
    for (const field of fields) {
      const piece = field(value)
      if (piece === undefined) return undefined
      if (piece !== '') text += text === '' ? piece : `,${piece}`
    }
    return `{${text}}`
  }
  // Before its fields: a message may have itself in it.
  compiled.set(desc, write)
  for (const field of desc.fields.toSorted((one, other) => one.number - other.number))
    fields.push(fieldWriter(field, compiled))
  return write
}

function isMessage(value: unknown, desc: DescMessage): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const { $typeName: name, $unknown: unknown } = value as { $typeName?: unknown; $unknown?: unknown }
  return (name === undefined || name === desc.typeName) && unknown === undefined
}

function fieldWriter(field: DescField, compiled: Compiled): FieldWriter {
  const { localName } = field
  const key = `${JSON.stringify(field.jsonName)}:`
  if (field.jsonName === '__proto__' || field.name === '__proto__') return () => undefined
  switch (field.fieldKind) {
    case 'list':
      return listWriter(localName, key, valueWriter(field, compiled))
    case 'map':
      // Rare, and its keys have forms of their own.
      return message => (isAbsent(message[localName]) ? '' : undefined)
    case 'scalar':
    case 'enum':
    case 'message': {
      const write = valueWriter(field, compiled)
      if (field.oneof !== undefined) return oneofWriter(field.oneof, localName, key, write)
      const isZero = field.presence === FeatureSet_FieldPresence.IMPLICIT ? zeroOf(field) : never
      return message => {
        const value = message[localName]
        if (value === undefined || isZero(value)) return ''
        const text = write(value)
        return text === undefined ? undefined : key + text
      }
    }
    default:
      return field satisfies never
  }
}

function listWriter(localName: string, key: string, write: JsonWriter): FieldWriter {
  return message => {
    const list = message[localName]
    if (list === undefined) return ''
    if (!Array.isArray(list)) return undefined
    if (list.length === 0) return ''
    let all = ''
    for (const item of list) {
      const text = write(item)
      if (text === undefined) return undefined
      all += all === '' ? text : `,${text}`
    }
    return `${key}[${all}]`
  }
}

function oneofWriter(oneof: DescOneof, localName: string, key: string, write: JsonWriter): FieldWriter {
  return message => {
    const chosen = message[oneof.localName]
    if (chosen === undefined) return ''
    if (typeof chosen !== 'object' || chosen === null) return undefined
    const { case: name, value } = chosen as { case?: unknown; value?: unknown }
    if (name !== localName) return ''
    const text = write(value)
    return text === undefined ? undefined : key + text
  }
}

function valueWriter(field: DescField, compiled: Compiled): JsonWriter {
  if (field.message !== undefined) return compile(field.message, compiled)
  if (field.enum !== undefined) return enumWriter(field.enum)
  return field.scalar === undefined ? () => undefined : createJsonWriters.scalar(field.scalar)
}

function enumWriter(desc: DescEnum): JsonWriter {
  const names = new Map<unknown, string>(
    desc.values.map(({ number }) => [number, JSON.stringify(desc.value[number]?.jsonName ?? number)]),
  )
  return value => names.get(value)
}

/** Says of a value whether it is left out because every message has it. */
function zeroOf(field: DescField): (value: unknown) => boolean {
  if (field.enum !== undefined) {
    const zero = field.enum.values[0]?.number
    return value => value === zero
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return value => value === ''
    case ScalarType.BOOL:
      return value => value === false
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return value => value === 0
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return value => value === 0n
    case ScalarType.BYTES:
      return value => value instanceof Uint8Array && value.byteLength === 0
    // What is written of these is never left out here.
    default:
      return never
  }
}

function isAbsent(map: unknown): boolean {
  return map === undefined || (typeof map === 'object' && map !== null && Reflect.ownKeys(map).length === 0)
}

function never(): boolean {
  return false
}
