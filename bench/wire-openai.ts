// The API of OpenAI as bytes: a request that is made once, and the check that an answer is the right one, whole.
import { ANSWER_TEXT, type Kind, MODEL, TOKEN_MARK, TOKENS, tokenTexts } from './payload.ts'

type Chunk = { readonly choices: readonly { readonly delta?: { readonly content?: string | null } }[] }
type Reply = { readonly choices: readonly { readonly message: { readonly content: string } }[] }

/** The request for a chat; a stream asks for its usage, too. */
export function openAiRequest(kind: Kind, text: string) {
  const stream = kind === 'unary' ? {} : { stream: true, stream_options: { include_usage: true } }
  const body = { model: MODEL, messages: [{ role: 'user', content: text }], ...stream }
  return {
    path: '/v1/chat/completions',
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify(body)),
  }
}

/**
 * Checks an answer with status 200; `deep` decodes all of it. Gives the number of messages in it.
 * @throws Error that says what is wrong
 */
export function checkOpenAi(kind: Kind, body: Buffer, deep: boolean): number {
  if (kind === 'unary') {
    if (!body.includes(ANSWER_TEXT)) throw wrong('an answer without message', body)
    // It is said above that it may hold anything: the comparison decides.
    const text = deep ? (JSON.parse(String(body)) as Reply).choices[0]?.message.content : ANSWER_TEXT
    if (text !== ANSWER_TEXT) throw wrong('another answer', body)
    return 1
  }
  if (!body.includes(DONE)) throw wrong('a stream without its end', body.subarray(-500))
  const tokens = countMarks(body)
  if (tokens !== TOKENS) throw new Error(`${tokens} text events instead of ${TOKENS}`)
  if (deep) checkChunks(String(body))
  return tokens
}

/** How many text events are in some bytes. */
export function countMarks(body: Buffer): number {
  let marks = 0
  for (let at = body.indexOf(TOKEN_MARK); at >= 0; at = body.indexOf(TOKEN_MARK, at + 1)) marks += 1
  return marks
}

const DONE = 'data: [DONE]'

function checkChunks(body: string): void {
  const lines = body.split('\n').filter(line => line.startsWith('data: {'))
  const chunks = lines.map(line => JSON.parse(line.slice('data: '.length)) as Chunk)
  const text = chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('')
  if (text !== tokenTexts.join('')) throw new Error('the text of the stream is not what was sent')
}

function wrong(what: string, bytes: Buffer): Error {
  return new Error(`${what}: ${JSON.stringify(String(bytes.subarray(0, 500)))}`)
}
