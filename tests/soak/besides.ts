// The calls of a soak beside chats: files, slow readers, watches, and requests that are wrong.
import { setTimeout as sleep } from 'node:timers/promises'
import { enveloped } from '../support/clients-raw.ts'
import { type Asked, valueIn } from '../support/doors/door.ts'
import { type Deed, GOOD, type Place, wrong } from './traffic.ts'

/** A file that is stored through one door, read through another and deleted. */
export const filing: Deed = async place => {
  const { chance, doors, mark, url } = place
  const text = `${mark} `.repeat(1 + chance.below(2_000))
  const ways = [doors.grpc, doors.connect, doors.chat, doors.mcp] satisfies readonly Asked[]
  const [up, down] = [ways[chance.below(ways.length)], ways[chance.below(ways.length)]]
  const id = (await up?.upload?.(`${place.mark}.txt`, text)) ?? ''
  if (!id.startsWith('file_')) throw new Error(`a file got the id "${id}"`)
  if ((await down?.download?.(id)) !== text) throw new Error(`${id} came back with other bytes`)
  const deleted = await post(url, 'exai.v1.FilesService/DeleteFile', JSON.stringify({ fileId: id }))
  if (deleted.status !== 200) throw new Error(`${id} was not deleted: ${await deleted.text()}`)
  await deleted.arrayBuffer()
}

/** A reader that takes a large stream with pauses, and gets all of it. */
export const dawdling: Deed = async ({ chance, url, books, mark }) => {
  const words = 3_000
  const reply = await post(
    url,
    'v1/chat/completions',
    JSON.stringify({
      model: GOOD,
      messages: [{ role: 'user', content: `[[fault:words=${words}]] ${mark}` }],
      stream: true,
    }),
  )
  books.left()
  let text = ''
  const decoder = new TextDecoder()
  if (reply.body === null) throw new Error('a stream has no body')
  for await (const bytes of reply.body) {
    text += decoder.decode(bytes, { stream: true })
    await sleep(chance.below(60))
  }
  const last = `word${words - 1}`
  if (!text.includes(last) || !text.endsWith('data: [DONE]\n\n'))
    throw new Error(`a slow reader got ${text.length} characters: …${text.slice(-200)}`)
}

/** Somebody who watches for a moment, and leaves. */
export const watching: Deed = async ({ chance, doors, url }) => {
  if (chance.below(2) === 0) {
    const providers = (await doors.webSocket.watchStatus?.()) ?? []
    if (!providers.includes('openai')) throw new Error(`a watch shows ${providers.join()}`)
    return
  }
  const gone = new AbortController()
  const reply = await fetch(`${url}/exai.v1.MonitoringService/WatchStatus`, {
    method: 'POST',
    headers: { 'content-type': 'application/connect+json' },
    body: enveloped(Buffer.from('{}')),
    signal: gone.signal,
  })
  let seen = ''
  try {
    for await (const bytes of reply.body ?? []) {
      seen += Buffer.from(bytes).toString()
      if (seen.includes('"openai"')) gone.abort()
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error
  }
  if (!gone.signal.aborted) throw new Error(`a watch ended with ${seen.slice(-200)}`)
}

/** The list of models. */
export const listing: Deed = async ({ chance, doors }) => {
  const models = (await chance.oneOf([doors.grpc, doors.grpcWeb, doors.chat, doors.mcp]).models?.()) ?? []
  if (!models.includes(GOOD)) throw new Error(`the list has no ${GOOD}: ${models.join()}`)
}

const CHAT = { model: GOOD, messages: [{ role: 'ROLE_USER', content: [{ text: 'hi' }] }] }

/** What is wrong, and with which status it is refused. */
const MISTAKES = [
  ['exai.v1.ChatService/Complete', '{"model":', 400],
  ['exai.v1.ChatService/Complete', JSON.stringify({ ...CHAT, nonsense: 1 }), 400],
  ['exai.v1.ChatService/Complete', JSON.stringify({ ...CHAT, model: 'no-such-model' }), 404],
  ['exai.v1.ChatService/Complete', JSON.stringify({ ...CHAT, messages: [] }), 400],
  ['exai.v1.ChatService/GetConversation', JSON.stringify({ conversationId: 'conv_none' }), 404],
  ['exai.v1.NoService/Nothing', '{}', 404],
  ['v1/chat/completions', '[]', 400],
  ['v1/messages', JSON.stringify({ model: GOOD }), 400],
  ['v1/nothing', '{}', 404],
] as const

/** A request that is wrong in one of many ways. */
export const erring: Deed = async ({ chance, url }: Place) => {
  const [path, body, status] = chance.oneOf(MISTAKES)
  const reply = await post(url, path, body)
  const text = await reply.text()
  if (reply.status !== status)
    throw wrong(`to ${path} ${body.slice(0, 60)} has status ${reply.status}`, { text })
  const error = text.startsWith('{') ? JSON.parse(text) : {}
  if (valueIn(error, 'message') === undefined && valueIn(error, 'error', 'message') === undefined)
    throw wrong(`to ${path} says nothing`, { text })
}

function post(url: string, path: string, body: string): Promise<Response> {
  return fetch(`${url}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}
