// Reads the answer of `POST /embeddings`: one vector for each text, as numbers or as little-endian float32 in base64.
import type { Upstream } from './dialect.ts'
import { broken, readComplaint, refusal } from './errors.ts'
import { parseReply } from './reply.ts'
import { readUsage } from './usage.ts'
import { foreign, foreignList } from './wire.ts'

/** What one request made. */
export interface Embedded {
  /** In the order of its texts, all of one length. */
  readonly vectors: readonly number[][]
  /** Undefined when the host does not say. */
  readonly inputTokens: number | undefined
}

/** Reads the text of a 200 answer to so many texts. Throws a GatewayError when it holds an error, or is not whole. */
export function readEmbeddings(upstream: Upstream, text: string, count: number): Embedded {
  const body = parseReply(upstream, text)
  const complaint = readComplaint(body, upstream.dialect)
  if (complaint !== undefined) throw refusal(upstream, complaint)
  const answer = foreign<'data' | 'usage'>(body)
  const data = foreignList(answer?.data)
  if (data.length !== count)
    throw broken(upstream, `sent ${data.length} vectors for ${count} ${count === 1 ? 'text' : 'texts'}`)
  const vectors = new Map<number, number[]>()
  for (const [place, one] of data.entries()) {
    const item = foreign<'index' | 'embedding'>(one)
    const index = item?.index ?? place
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count)
      throw broken(upstream, 'sent a vector for a text that there is not')
    if (vectors.has(index)) throw broken(upstream, `sent two vectors for the text ${index}`)
    vectors.set(index, vectorOf(upstream, item?.embedding))
  }
  const inOrder = Array.from({ length: count }, (_, index) => vectors.get(index) ?? [])
  if (inOrder.some(({ length }) => length !== inOrder[0]?.length))
    throw broken(upstream, 'sent vectors of different lengths')
  return { vectors: inOrder, inputTokens: tokensIn(answer?.usage) }
}

/** Some hosts say the total alone, which is the input: there is no other. */
function tokensIn(usage: unknown): number | undefined {
  const told = foreign<'prompt_tokens' | 'total_tokens'>(usage)
  return readUsage({ prompt_tokens: told?.prompt_tokens ?? told?.total_tokens }, undefined, undefined)
    ?.inputTokens
}

function vectorOf(upstream: Upstream, value: unknown): number[] {
  const numbers = typeof value === 'string' ? unpacked(value) : numbersIn(value)
  if (numbers === undefined || numbers.length === 0) throw broken(upstream, 'sent a vector without numbers')
  if (!numbers.every(isFloat32)) throw broken(upstream, 'sent a vector that has a number too large, or none')
  return numbers
}

function isFloat32(number: number): boolean {
  return Number.isFinite(Math.fround(number))
}

function numbersIn(value: unknown): number[] | undefined {
  const numbers = foreignList(value).filter(one => typeof one === 'number')
  return numbers.length === foreignList(value).length ? numbers : undefined
}

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT

function unpacked(text: string): number[] | undefined {
  const bytes = Buffer.from(text, 'base64')
  // What is no base64 is left out, and then there is less than the length of the text promises.
  if (bytes.length !== Buffer.byteLength(text, 'base64') || bytes.length % FLOAT_BYTES !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const numbers: number[] = []
  // A loop takes half the time of a callback for each of some million numbers.
  for (let at = 0; at < bytes.length; at += FLOAT_BYTES) numbers.push(view.getFloat32(at, true))
  return numbers
}
