// What somebody hears whose JSON does not fit the message: the place, what is expected there, and a near name.
import { StructSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { misfitOf } from '../../../../src/doors/connect/misfit.ts'
import { post, startServer } from './harness.ts'
import { envelope } from './raw.ts'

const COMPLETE = 'exai.v1.ChatService/Complete'
const STREAM = 'exai.v1.ChatService/StreamComplete'
const said = (value: unknown): string | undefined => misfitOf(CompleteRequestSchema, value)
const user = (content: unknown): object => ({ messages: [{ role: 'ROLE_USER', content }] })

describe('the words for a misfit', () => {
  test.each<[string, unknown, string]>([
    ['no object', [], 'the request must be an object, and not a list'],
    ['a misspelt field', { mesages: [] }, 'CompleteRequest has no field "mesages": did you mean "messages"?'],
    [
      'a role in the words of others',
      { messages: [{ role: 'user' }] },
      'messages[0].role must be one of ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL, and not "user"',
    ],
    ['a text for a list', user('Hello!'), 'messages[0].content must be a list, and not such a text'],
    [
      'a text for an object',
      user(['Hello!']),
      'messages[0].content[0] must be an object, and not such a text',
    ],
    ['null in a list', user([null]), 'messages[0].content[0] must be a value, and not null'],
    [
      'the second of two items',
      user([{ text: 'a' }, { txt: 'b' }]),
      'messages[0].content[1] has no field "txt": did you mean "text"?',
    ],
    [
      'a number for a text',
      user([{ text: 5 }]),
      'messages[0].content[0].text must be a text, and not such a number',
    ],
    [
      'two of what only one can be',
      user([{ text: 'a', reasoning: {} }]),
      'messages[0].content[0] takes one of "text" and "reasoning", and not both',
    ],
    [
      'a word for a number',
      { maxOutputTokens: 'many' },
      'maxOutputTokens must be a whole number, and not such a text',
    ],
    [
      'a fraction',
      { max_output_tokens: 1.5 },
      'max_output_tokens must be a whole number, and not such a number',
    ],
    ['a word for a fraction', { temperature: 'warm' }, 'temperature must be a number, and not such a text'],
    [
      'minutes',
      { resumeWindow: '5 minutes' },
      'resumeWindow must be a duration in seconds such as "1.5s", and not such a text',
    ],
    [
      'a text for a struct',
      { providerOptions: { openai: 'fast' } },
      'providerOptions["openai"] must be an object, and not such a text',
    ],
  ])('%s', (_, value, words) => {
    expect(said(value)).toBe(words)
  })

  test('a name that is like no other gets the list of those that there are', () => {
    expect(said({ messages: [{ zzz: 1 }] })).toMatch(
      /^messages\[0\] has no field "zzz": it takes role, content\b/,
    )
  })

  test('nothing is said of what fits, in either spelling, with numbers as texts and nulls', () => {
    const fitting = {
      model: 'auto',
      maxOutputTokens: '12',
      temperature: null,
      resume_window: '1.5s',
      providerOptions: { openai: { anything: [1, { goes: null }] } },
      messages: [{ role: 2, content: [{ text: 'a' }] }],
    }
    expect(said(fitting)).toBeUndefined()
    expect(misfitOf(StructSchema, { a: 1 })).toBeUndefined()
  })

  test('long names are cut, and long lists too', () => {
    expect(said({ ['x'.repeat(10_000)]: 1 })?.length).toBeLessThan(800)
    expect(said({ messages: [{ role: 'y'.repeat(10_000) }] })?.length).toBeLessThan(800)
  })
})

describe('over the port', () => {
  const secret = 'my diary'

  test.each([
    ['a unary call', COMPLETE, 'application/json', (text: string) => Buffer.from(text)],
    ['a stream', STREAM, 'application/connect+json', (text: string) => envelope(Buffer.from(text))],
    ['gRPC-Web', COMPLETE, 'application/grpc-web+json', (text: string) => envelope(Buffer.from(text))],
  ])(
    '%s is told the place and the remedy, and hears nothing of its own text',
    async (_, method, type, pack) => {
      await using server = await startServer()
      const body = Uint8Array.from(pack(JSON.stringify(user(secret))))
      const answer = await post(server.url, method, body, { 'content-type': type })
      const heard = decodeURIComponent(`${JSON.stringify([...answer.headers])}${await answer.text()}`)
      expect(heard).toContain('messages[0].content must be a list, and not such a text')
      expect(heard).not.toContain(secret)
    },
  )

  test('an empty body is told what to send at least', async () => {
    await using server = await startServer()
    const answer = await post(server.url, COMPLETE, '')
    expect(await answer.text()).toContain('the request is empty: send a JSON object, {} at least')
  })

  test('what is no JSON is told where it stops to be it', async () => {
    await using server = await startServer()
    const answer = await post(server.url, COMPLETE, '{"model":')
    expect(await answer.text()).toContain('Unexpected end of JSON input')
  })

  test('a body nested far deeper than is read is refused like any other', async () => {
    await using server = await startServer()
    const nested = `${'{"toolResult":{"content":['.repeat(20_000)}{"txt":"x"}${']}}'.repeat(20_000)}`
    const body = `{"messages":[{"role":"ROLE_TOOL","content":[${nested}]}]}`
    const answer = await post(server.url, COMPLETE, body)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('maximum recursion depth')
  })

  test('a body larger than is kept is still told what is wrong', async () => {
    await using server = await startServer()
    const body = JSON.stringify({ model: 'x'.repeat(1_100_000), mesages: [] })
    const answer = await post(server.url, COMPLETE, body)
    expect(await answer.text()).toContain('key \\"mesages\\" is unknown')
  })
})
