// From the messages of a request frame, written as chat completions have them, to those of the contract in JSON.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { isObject, quoted, refused } from './frame.ts'

const ROLES: Readonly<Record<string, string>> = {
  system: 'ROLE_SYSTEM',
  developer: 'ROLE_SYSTEM',
  user: 'ROLE_USER',
  assistant: 'ROLE_ASSISTANT',
  tool: 'ROLE_TOOL',
}

const FIELDS: ReadonlySet<string> = new Set(['role', 'content', 'tool_calls', 'tool_call_id'])

/** Translates messages; one whose role is written as in the contract stays as it is. Throws INVALID_REQUEST with the place. */
export function messagesOf(messages: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(messages)) throw refused('messages is required: a list of {"role":"user","content":"…"}')
  return messages.map((message, index) => messageOf(message, `messages[${index}]`))
}

function messageOf(message: JsonValue, at: string): JsonObject {
  if (!isObject(message)) throw refused(`${at} must be an object`)
  const { role, content, tool_calls: calls, tool_call_id: callId } = message
  if (typeof role !== 'string') throw refused(`${at}.role is required: ${Object.keys(ROLES).join(', ')}`)
  if (role.startsWith('ROLE_')) return message
  const known = Object.hasOwn(ROLES, role) ? ROLES[role] : undefined
  if (known === undefined)
    throw refused(`${at}.role is ${quoted(role)}: use one of ${Object.keys(ROLES).join(', ')}`)
  const unknown = Object.keys(message).find(name => !FIELDS.has(name))
  if (unknown !== undefined) throw refused(`${at} has no field ${quoted(unknown)}`)
  const parts = partsOf(content, `${at}.content`)
  if (role === 'tool') {
    if (typeof callId !== 'string') throw refused(`${at}.tool_call_id is required: the id of the call`)
    return { role: known, content: [{ tool_result: { call_id: callId, content: parts } }] }
  }
  return { role: known, content: [...parts, ...callsOf(calls, `${at}.tool_calls`)] }
}

function partsOf(content: JsonValue | undefined, at: string): JsonObject[] {
  // An answer that only calls tools has no text.
  if (content === undefined || content === null || content === '') return []
  if (typeof content === 'string') return [{ text: content }]
  if (!Array.isArray(content)) throw refused(`${at} must be a text or a list of parts`)
  return content.map((part, index) => partOf(part, `${at}[${index}]`))
}

function partOf(part: JsonValue, at: string): JsonObject {
  if (!isObject(part)) throw refused(`${at} must be an object`)
  switch (part['type']) {
    case 'text':
      return { text: textIn(part, 'text', at) }
    case 'image_url': {
      const image = objectIn(part, 'image_url', at)
      const { detail } = image
      const media = mediaOf(textIn(image, 'url', `${at}.image_url`))
      return { media: detail === undefined ? media : { ...media, detail } }
    }
    case 'input_audio': {
      const audio = objectIn(part, 'input_audio', at)
      const format = textIn(audio, 'format', `${at}.input_audio`)
      return {
        media: { mime_type: `audio/${format}`, data: textIn(audio, 'data', `${at}.input_audio`) },
      }
    }
    case 'file': {
      const file = objectIn(part, 'file', at)
      return { media: { file_id: textIn(file, 'file_id', `${at}.file`) } }
    }
    default:
      throw refused(`${at}.type must be text, image_url, input_audio or file`)
  }
}

function mediaOf(url: string): JsonObject {
  const match = /^data:([^;,]+);base64,(.*)$/s.exec(url)
  return match === null ? { url } : { mime_type: match[1] ?? '', data: match[2] ?? '' }
}

function callsOf(calls: JsonValue | undefined, at: string): JsonObject[] {
  if (calls === undefined || calls === null) return []
  if (!Array.isArray(calls)) throw refused(`${at} must be a list`)
  return calls.map((call, index) => {
    const place = `${at}[${index}]`
    if (!isObject(call)) throw refused(`${place} must be an object`)
    const called = objectIn(call, 'function', place)
    return {
      tool_call: {
        call_id: textIn(call, 'id', place),
        name: textIn(called, 'name', `${place}.function`),
        arguments: textIn(called, 'arguments', `${place}.function`),
      },
    }
  })
}

function textIn(holder: JsonObject, name: string, at: string): string {
  const value = holder[name]
  if (typeof value !== 'string') throw refused(`${at}.${name} must be a text`)
  return value
}

function objectIn(holder: JsonObject, name: string, at: string): JsonObject {
  const value = holder[name]
  if (!isObject(value)) throw refused(`${at}.${name} must be an object`)
  return value
}
