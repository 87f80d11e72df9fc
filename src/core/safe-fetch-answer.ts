// One GET over a connection that stands: its answer is judged by its head, and its body is counted while it comes.
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import type { GatewayError } from './errors.ts'
import { shown, unavailable, unusable } from './safe-fetch-fault.ts'

/** What an answer has to be like. */
export interface AnswerTerms {
  /** Most bytes of the body. */
  readonly maxBytes: number
  /** Lower-case media types such as `image/png` or `image/*`. Absent: any. */
  readonly acceptTypes?: readonly string[]
}

/** Sends the request and waits for the head of the answer, whatever it says. Throws INVALID_REQUEST when none comes. */
export async function requestHead(
  url: URL,
  socket: Socket,
  acceptTypes: readonly string[] = ['*/*'],
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  try {
    // Plain HTTP for https too: TLS is on the socket already. Without an agent nothing is kept, reused or sent to a proxy.
    const call = request({
      createConnection: () => socket,
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        accept: acceptTypes.join(', '),
        // What a compressed answer grows to can't be told from its length.
        'accept-encoding': 'identity',
        'user-agent': 'exai',
        connection: 'close',
      },
    })
    call.on('response', resolve)
    call.on('error', reject)
    call.on('close', () => reject(new Error('closed before its answer')))
    call.end()
    return await promise
  } catch (error) {
    throw unusable(`the media host ${shown(url.host)} gives no valid HTTP answer; check the URL`, error)
  }
}

/** Throws what is wrong with an answer that is no redirect: UPSTREAM_UNAVAILABLE for a 5xx, else INVALID_REQUEST. */
export function refuseAnswer(url: URL, answer: IncomingMessage, terms: AnswerTerms): void {
  const host = `the media host ${shown(url.host)}`
  const { statusCode: status = 0, headers } = answer
  if (status >= 500) throw unavailable(`${host} answered HTTP ${status}`)
  if (status !== 200)
    throw unusable(`${host} answered HTTP ${status}; give a URL that anybody can get without credentials`)
  // A transfer coding other than chunked is compression too (RFC 9112 7).
  if (!isPlain(headers['content-encoding'], 'identity') || !isPlain(headers['transfer-encoding'], 'chunked'))
    throw unusable(`${host} compresses its answer although it was asked not to; give a URL of another host`)
  const mimeType = mediaTypeOf(answer)
  if (terms.acceptTypes !== undefined && !terms.acceptTypes.some(accepted => covers(accepted, mimeType)))
    throw unusable(
      `the media URL gives ${shown(mimeType)}; what can be used is ${terms.acceptTypes.join(', ')}`,
    )
  if (Number(headers['content-length'] ?? 0) > terms.maxBytes) throw tooLarge(url, terms.maxBytes)
}

/** The whole body. Throws INVALID_REQUEST when it is larger than allowed, as soon as that shows, or ends too early. */
export async function readBody(url: URL, answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  const stream: AsyncIterable<Uint8Array> = answer
  try {
    for await (const chunk of stream) {
      sizeBytes += chunk.byteLength
      if (sizeBytes > maxBytes) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw unusable(`the media host ${shown(url.host)} broke off its answer; check the URL`, error)
  }
  if (sizeBytes > maxBytes) throw tooLarge(url, maxBytes)
  return Buffer.concat(chunks, sizeBytes)
}

/** The media type of an answer in lower case, without parameters. What says nothing usable is bytes (RFC 9110 8.3). */
export function mediaTypeOf(answer: IncomingMessage): string {
  const [type = ''] = (answer.headers['content-type'] ?? '').split(';')
  const plain = type.trim().toLowerCase()
  // It goes on into data: URIs, where a comma or a space would mean something else.
  return MEDIA_TYPE.test(plain) ? plain : 'application/octet-stream'
}

// Two tokens of RFC 9110 5.6.2.
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/

function isPlain(coding: string | undefined, plain: string): boolean {
  return coding === undefined || coding.trim() === '' || coding.trim().toLowerCase() === plain
}

function covers(accepted: string, mimeType: string): boolean {
  return accepted.endsWith('/*') ? mimeType.startsWith(accepted.slice(0, -1)) : accepted === mimeType
}

function tooLarge(url: URL, maxBytes: number): GatewayError {
  return unusable(`the media at ${shown(url.host)} has more than ${maxBytes} bytes; give a smaller one`)
}
