// Goes on with an answer that broke in the middle of its text, where the caller allowed it: the seam is exact and told.
import type { GatewayError } from '../core/errors.ts'
import type { TokenCounter } from '../metering/count.ts'
import type { Begun } from '../routing/hedge.ts'
import { type Run, writtenOf } from './response.ts'
import { questionOf, reserveOf } from './walk-input.ts'

/** Most times that one answer goes on with somebody else. */
export const REROUTES_MAX = 2

/**
 * Has somebody else go on with the text of an answer that broke. Throws the error of the break when that was not asked for,
 * when it broke in something else than text, or when nobody can: what was passed on stands, and is no answer. Throws the
 * signal's reason when the call ends meanwhile.
 */
export async function rerouted(run: Run, error: GatewayError, counter: TokenCounter): Promise<Begun> {
  const { request, answering, answer, walk, broken, signal } = run
  const isAllowed = request.routing?.reroute === true && error.reason === 'UPSTREAM_BROKEN' && !signal.aborted
  const text = isAllowed && broken.length < REROUTES_MAX && isPlain(run) ? answer.openText() : undefined
  if (text === undefined || answering === undefined || walk === undefined) throw error
  const left = await outputLeft(run, counter)
  if (left !== undefined && left <= 0) throw error
  broken.push({ attempt: answering, until: writtenOf(run).length })
  run.seam = text.length
  const rest = left === undefined ? request : { ...request, maxOutputTokens: left }
  const prefill = run.limits === undefined ? 0 : (await counter.countText(text)).tokens
  run.walk = walk.goOn(answering, {
    prefill: text,
    question: questionOf(run, rest),
    reserve: reserveOf(run, rest, prefill),
  })
  try {
    return await run.walk.begin()
  } catch {
    broken.pop()
    if (signal.aborted) throw signal.reason
    // The attempts of the route tell why nobody else could; what the caller has to know is that the answer broke.
    throw error
  }
}

/** Tokens that may still be written; undefined where the request sets no cap. */
async function outputLeft(run: Run, counter: TokenCounter): Promise<number | undefined> {
  const { maxOutputTokens } = run.request
  if (maxOutputTokens === undefined) return undefined
  const { tokens } = await counter.countText(writtenOf(run))
  return maxOutputTokens - tokens
}

/** Whether the answer is read as text: half of a JSON text would be mended by nobody. */
function isPlain({ request }: Run): boolean {
  const form = request.responseFormat?.format.case
  return (form === undefined || form === 'text') && request.tools.length === 0
}
