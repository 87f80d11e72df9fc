// The ways in which most attacks ask for something, and the two ways in which they are refused.
import type { Answer } from './answer.ts'
import { insidesIn, unless } from './attack.ts'
import { HONEST_MODEL, type Stage, type Target } from './stage.ts'
import type { Field } from './wire.ts'

/** The path of a method. */
export const rpc = (method: string): string => `/exai.v1.${method}`

/** Says that a body is Connect's JSON. */
export const JSON_TYPE: Field = ['content-type', 'application/json']

/** A chat whose text is nowhere else, as the body of a request. */
export function chatBody(stage: Stage, more: Readonly<Record<string, unknown>> = {}): string {
  const text = stage.canary()
  return JSON.stringify({
    model: HONEST_MODEL,
    messages: [{ role: 'ROLE_USER', content: [{ text }] }],
    ...more,
  })
}

/** Calls a method with a JSON message. */
export function ask(
  target: Target,
  method: string,
  message: unknown,
  { fields = target.pass, http = 1 }: { readonly fields?: readonly Field[]; readonly http?: 1 | 2 } = {},
): Promise<Answer> {
  const body = typeof message === 'string' ? message : JSON.stringify(message)
  const request = { path: rpc(method), fields: [JSON_TYPE, ...fields], body }
  return http === 1 ? target.wire.h1(request) : target.wire.h2(request)
}

/** The JSON of an answer; an empty object when it is none. */
export function jsonOf({ body }: Answer): Readonly<Record<string, unknown>> {
  try {
    // Whatever it is, only fields of it are looked at.
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}

const FIXED_ID: Field = ['x-request-id', 'attack']

/**
 * Calls `Complete` with these fields, and says what is wrong unless it is refused exactly like a call without any
 * credential: same status, same words, same fields.
 */
export async function refusedLikeAStranger(
  stage: Stage,
  fields: readonly Field[],
  http: 1 | 2 = 1,
): Promise<readonly string[]> {
  const body = chatBody(stage)
  const [answer, stranger] = await Promise.all([
    ask(stage.guarded, 'ChatService/Complete', body, { fields: [FIXED_ID, ...fields], http }),
    ask(stage.guarded, 'ChatService/Complete', body, { fields: [FIXED_ID], http }),
  ])
  const isSame = answer.body === stranger.body && namesOf(answer) === namesOf(stranger)
  return [
    ...insidesIn(answer),
    ...unless(answer.status === 401 && jsonOf(answer)['code'] === 'unauthenticated', answer),
    ...(isSame ? [] : [`it is told apart from no credential: ${answer.body} instead of ${stranger.body}`]),
    ...upstreamProblems(stage, body),
  ]
}

function namesOf({ headers }: Answer): string {
  return Object.keys(headers).sort().join(' ')
}

/** Says so when the prompt of a refused call came through to the provider. */
export function upstreamProblems({ openai }: Stage, body: string): readonly string[] {
  const text = /canary[0-9a-f]{18}/.exec(body)?.[0] ?? ''
  return text !== '' && openai.requests.some(({ rawBody }) => rawBody.includes(text))
    ? ['the provider was asked although the call was refused']
    : []
}

/** Says what is wrong unless the answer is a refusal: 4xx, or gRPC's code of one, and no fault of ours. */
export function refused(answer: Answer, ...codes: readonly string[]): readonly string[] {
  const code = String(jsonOf(answer)['code'] ?? '')
  const isRefusal = answer.status >= 400 && answer.status < 500
  return [...insidesIn(answer), ...unless(isRefusal && (codes.length === 0 || codes.includes(code)), answer)]
}

/** Says what is wrong with an answer that may be anything but a fault of ours; 501 is for what is not there yet. */
export function bearable(answer: Answer): readonly string[] {
  const { status } = answer
  return [...insidesIn(answer), ...unless((status > 0 && status < 500) || status === 501, answer)]
}
