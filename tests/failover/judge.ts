// Compares what came of a call, and what was booked for it, with what must come of it.
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import type { LogLine } from '../support/running-server.ts'
import { type Made, nameIn, type Seen } from './call.ts'
import type { Want, WantAttempt, Who } from './scenario.ts'
import type { Cast, Ledger } from './stage.ts'

/** Everything that is not as it must be with one call. */
export function judgeCall(want: Want, seen: Seen, cast: Cast): readonly string[] {
  const problems = [...seen.breaches]
  const expect = (what: string, is: unknown, must: unknown): void => {
    if (is !== must) problems.push(`${what} is ${String(is)}, not ${String(must)}`)
  }
  expect('the end', seen.end, want.end)
  if (seen.end !== want.end) problems.push(`it said: ${seen.code} ${seen.reason} ${seen.message}`)
  if (seen.ms > want.withinMs) problems.push(`it took ${seen.ms.toFixed(0)} ms, more than ${want.withinMs}`)
  if (seen.ms < (want.atLeastMs ?? 0))
    problems.push(`it took ${seen.ms.toFixed(0)} ms, less than ${want.atLeastMs}`)
  // Who leaves is told nothing more: the log has what became of it.
  if (want.end === 'left') return problems
  const shown = seen.attempts.map(({ provider, ...rest }) => ({
    who:
      provider === cast.preferred.id ? 'preferred' : provider === cast.fallback?.id ? 'fallback' : provider,
    ...rest,
  }))
  const isShown = (one: WantAttempt, index: number): boolean => {
    const other = shown[index]
    return (
      other?.who === one.who &&
      other.outcome === one.outcome &&
      other.error === (one.error ?? '') &&
      (one.key === undefined || other.key === one.key) &&
      (one.upstreamCode === undefined || other.upstreamCode === one.upstreamCode)
    )
  }
  if (shown.length !== want.attempts.length || !want.attempts.every(isShown))
    problems.push(`the attempts are ${wordsOf(shown)}, not ${wordsOf(want.attempts)}`)
  if (want.end === 'answered') {
    const by = cast[want.by]
    expect('the provider', seen.response?.provider, by?.id)
    expect('how often somebody went on with the text', seen.seams, want.hasSeam === true ? 1 : 0)
    if (want.hasSeam !== true || want.by === 'preferred') expect('the text', seen.text, by?.told.text)
    else if (!hasOneSeam(seen.text, cast))
      problems.push(`${JSON.stringify(seen.text)} is not what the fallback says behind a beginning`)
    expect('replayed', seen.response?.replayed, want.isReplay === true)
    problems.push(...judgeUsage(want, seen, cast))
  } else {
    expect('the code', seen.code, want.code)
    expect('the reason', seen.reason, want.reason)
    problems.push(...judgeRest(want.text, seen, cast))
    if (want.retryDelayMs !== undefined) {
      const [least, most] = want.retryDelayMs
      const is = seen.retryDelayMs ?? -1
      if (is < least || is > most) problems.push(`the wait is ${is} ms, not ${least} to ${most}`)
    }
  }
  return problems
}

/** The beginning of what the first one says, and behind it all that the other one says, which knows nothing of it. */
function hasOneSeam(text: string, { preferred, fallback }: Cast): boolean {
  const own = fallback?.told.text ?? ''
  const begun = text.slice(0, text.length - own.length)
  return begun !== '' && preferred.told.text.startsWith(begun) && text.endsWith(own)
}

/** A free answer shows what the first one cost. */
function judgeUsage(want: Extract<Want, { end: 'answered' }>, seen: Seen, cast: Cast): readonly string[] {
  const { usage, cost } = seen.response ?? {}
  const isCounted = want.booked === 'counted' || want.booked === 'both'
  if (usage?.provenance !== (isCounted ? Provenance.ESTIMATED : Provenance.REPORTED))
    return [`the usage is said to be ${nameIn(Provenance, usage?.provenance ?? 0)}`]
  const told = cast[want.by]?.told
  const least = want.booked === 'both' ? BigInt(told?.nanoUsd ?? 0) : 0n
  if (isCounted)
    return cost?.known === true && cost.nanoUsd > least
      ? []
      : [`the estimated cost is ${cost?.nanoUsd} nano-USD, not more than ${least}`]
  const is = `${usage.inputTokens} and ${usage.outputTokens} tokens, ${cost?.nanoUsd} nano-USD`
  const must = `${told?.inputTokens} and ${told?.outputTokens} tokens, ${told?.nanoUsd} nano-USD`
  return is === must ? [] : [`the answer is said to have used ${is}, not ${must}`]
}

/** What a caller has of an answer that failed: nothing, or the beginning of what one provider says. */
function judgeRest(text: 'none' | 'beginning', seen: Seen, { cell, preferred }: Cast): readonly string[] {
  if (text === 'none')
    return seen.text === '' && seen.toolStarts === 0 ? [] : [`it gave away ${JSON.stringify(seen.text)}`]
  if (cell.plan.hasTool === true)
    return seen.toolStarts > 0 && seen.toolEnds === 0 ? [] : ['the tool call is not left half']
  const { text: whole } = preferred.told
  const isBeginning = seen.text !== '' && whole.startsWith(seen.text)
  return isBeginning ? [] : [`${JSON.stringify(seen.text)} is no beginning of the answer`]
}

const wordsOf = (
  attempts: readonly {
    readonly who: string
    readonly outcome: string
    readonly error?: string
    readonly key?: string
    readonly upstreamCode?: string
  }[],
): string =>
  attempts
    .map(({ who, outcome, error = '', key = '', upstreamCode = '' }) =>
      [who, key, outcome, error, upstreamCode].filter(Boolean).join(' '),
    )
    .join(' + ') || 'none'

/** What each call booked by itself, and whether the metrics moved by exactly the sum. */
export function judgeMoney(
  { cast, made }: { readonly cast: Cast; readonly made: readonly Made[] },
  linesOf: (requestId: string) => readonly LogLine[],
  ledger: (id: string) => Ledger,
): readonly string[] {
  const problems: string[] = []
  const must = { preferred: nothing(), fallback: nothing() }
  // Whose tokens are in part an estimate: of these only the cost is compared.
  const estimated = new Set<Who>()
  let counted = 0
  for (const { plan, requestId } of made) {
    const { want } = plan
    const lines = linesOf(requestId)
    const [first] = lines
    const code = want.end === 'answered' ? 'OK' : want.end === 'left' ? 'CANCELLED' : want.code
    // Whoever is cut off has left; what goes on in its window has a line of its own.
    const codes = plan.isResumed === true ? `CANCELLED, ${code}` : code
    const told = lines.map(line => String(line['code'])).join(', ')
    if (told !== codes) problems.push(`the log says ${told || 'nothing'}, not ${codes}`)
    if (want.end === 'left') {
      const attempts = Number(first?.['attempts'] ?? 0)
      if (attempts !== want.attempts.length)
        problems.push(`the log counts ${attempts} attempts, not ${want.attempts.length}`)
    }
    const nanoUsd = lines.reduce((sum, line) => sum + Number(line['nano_usd'] ?? 0), 0)
    if (want.booked === 'counted') {
      if (nanoUsd <= 0) problems.push('nothing was booked, though the answer may be billed')
      counted += nanoUsd
    } else if (want.booked === 'both' && want.end === 'answered') {
      const told = cast[want.by]?.told
      const first = want.attempts[0]?.who ?? 'preferred'
      const estimate = nanoUsd - (told?.nanoUsd ?? 0)
      if (estimate <= 0) problems.push('nothing was booked for the first one, though it may bill the call')
      add(must[want.by], told)
      must[first].nanoUsd += estimate
      estimated.add(first)
    } else if (want.booked === 'reported' && want.end === 'answered') {
      const told = cast[want.by]?.told
      if (nanoUsd !== told?.nanoUsd) problems.push(`the log says ${nanoUsd} nano-USD, not ${told?.nanoUsd}`)
      add(must[want.by], told)
    } else if (want.end !== 'answered' && nanoUsd > 0)
      problems.push(`${nanoUsd} nano-USD were booked for nothing`)
  }
  const is = { preferred: ledger(cast.preferred.id), fallback: ledger(cast.fallback?.id ?? '') }
  if (counted === 0) {
    for (const who of ['preferred', 'fallback'] as const) {
      const show = estimated.has(who) ? ({ nanoUsd }: Ledger) => `${nanoUsd} nano-USD` : moneyOf
      if (show(is[who]) !== show(must[who]))
        problems.push(`the metrics of the ${who} say ${show(is[who])}, not ${show(must[who])}`)
    }
    return problems
  }
  const sum = is.preferred.nanoUsd + is.fallback.nanoUsd
  const expected = counted + must.preferred.nanoUsd + must.fallback.nanoUsd
  if (sum !== expected) problems.push(`the metrics say ${sum} nano-USD, and the log ${expected}`)
  return problems
}

type Sum = { -readonly [Name in keyof Ledger]: Ledger[Name] }

const nothing = (): Sum => ({ nanoUsd: 0, inputTokens: 0, outputTokens: 0 })

function add(sum: Sum, told: Ledger | undefined): void {
  sum.nanoUsd += told?.nanoUsd ?? 0
  sum.inputTokens += told?.inputTokens ?? 0
  sum.outputTokens += told?.outputTokens ?? 0
}

const moneyOf = ({ nanoUsd, inputTokens, outputTokens }: Ledger): string =>
  `${nanoUsd} nano-USD for ${inputTokens} and ${outputTokens} tokens`
