// The choice among all models: a rule says what is wanted, a score orders who fits, and a conversation keeps its model.
import { Routing_Prefer as Prefer } from '#gen/exai/v1/chat_service_pb'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import type { ModelEntry } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'
import type { Kept } from './affinity.ts'
import { type Entrant, type EntrantsInput, findEntrants, groupReason, type LeftOut } from './auto-entrants.ts'
import type { AutoFacts } from './auto-facts.ts'
import { ruleFor, type Weights } from './auto-rules.ts'
import { decidingPart, NEARLY_EQUAL } from './auto-score.ts'
import * as words from './auto-words.ts'
import { circuitSkip, type Refusals } from './skip.ts'

/** What the choice is made from. */
export interface AutoInput extends Omit<EntrantsInput, 'rule' | 'inputTokens'> {
  readonly facts: AutoFacts
  readonly circuits?: Refusals | undefined
}

/** Who is chosen, best first, and who is left out. */
export interface AutoChoice {
  readonly picks: readonly {
    readonly provider: Provider
    readonly model: ModelEntry
    readonly reason: string
  }[]
  readonly leftOut: readonly LeftOut[]
}

/** Most candidates of one `auto` call: each failed one costs the caller time. */
export const AUTO_CANDIDATES_MAX = 3
/** By how much another model must score better before a conversation leaves its own for it: in balance, ten times the cost. */
export const SWITCH_MARGIN = 0.08

/** Chooses. */
export function chooseAuto(input: AutoInput): AutoChoice {
  const { facts, request, kept } = input
  const rule = ruleFor(facts)
  const wished = words.wish(rule, facts, request.routing?.prefer ?? Prefer.UNSPECIFIED)
  const { entrants, leftOut, weights } = findEntrants({ ...input, rule, inputTokens: facts.inputTokens })
  const field = createField(entrants, input)
  const leader = field.best()
  const home = kept && entrants.find(({ provider, model }) => isKept(kept, provider, model))
  const why = kept && leavingReason(kept, home, { leader, field, leftOut, wished, weights })
  const stays = home !== undefined && why === undefined
  const lead = stays ? home : (leader ?? field.lastResort())
  if (lead === undefined) return { picks: [], leftOut: [...leftOut, ...field.refused()] }

  field.take(lead)
  const reason =
    kept === undefined
      ? words.first(wished, decider(lead, field, weights))
      : why === undefined
        ? words.stays(kept.hold)
        : words.left(kept, why)
  const picks = [{ ...pickOf(lead), reason }]
  while (picks.length < AUTO_CANDIDATES_MAX) {
    const next = field.next(picks.length === AUTO_CANDIDATES_MAX - 1)
    if (next === undefined) break
    picks.push({ ...pickOf(next.entrant), reason: words.follower(wished, next.isOutOfTurn) })
    field.take(next.entrant)
  }
  return { picks, leftOut: [...leftOut, ...field.refused()] }
}

function pickOf({ provider, model }: Entrant): { readonly provider: Provider; readonly model: ModelEntry } {
  return { provider, model }
}

function isKept(kept: Kept, provider: Provider, model: ModelEntry): boolean {
  return kept.provider === provider.id && kept.model === model.id
}

/** What puts the first one before the best of those that are worse. */
function decider(lead: Entrant, field: Field, weights: Weights): Parameters<typeof words.first>[1] {
  const rival = field.best(one => isBetter(lead, one))
  if (rival === undefined) return field.best() === undefined ? 'alone' : 'place'
  return groupReason(rival.group, lead.group) ?? decidingPart(lead.parts, rival.parts, weights) ?? 'place'
}

/** What the choice knows when it looks at the model of the conversation. */
interface Scene {
  readonly leader: Entrant | undefined
  readonly field: Field
  readonly leftOut: readonly LeftOut[]
  readonly wished: string
  readonly weights: Weights
}

/** Why a conversation has to leave its model, or does well to; undefined when it stays. */
function leavingReason(kept: Kept, home: Entrant | undefined, scene: Scene): string | undefined {
  const { leader, field, leftOut, wished, weights } = scene
  if (home === undefined) {
    const skipped = leftOut.find(({ provider, model }) => isKept(kept, provider, model))
    if (skipped !== undefined) return words.leftFor(skipped)
    return 'it is not configured any more'
  }
  const refusal = field.refusal(home)
  if (refusal !== undefined) return words.leftFor(refusal)
  if (kept.hold === 'signed' || leader === undefined) return undefined
  const group = groupReason(home.group, leader.group)
  if (group !== undefined) return words.leftForGroup(wished, group)
  if (kept.hold !== 'loose' || leader.score <= home.score + SWITCH_MARGIN) return undefined
  return words.leftForBetter(decidingPart(leader.parts, home.parts, weights))
}

/** Those who may still be chosen. */
interface Field {
  /** The best one who is left; of equals the first in configured order. */
  best(accepts?: (entrant: Entrant) => boolean): Entrant | undefined
  /** Whom to ask if all who were taken fail: of another provider, where that is possible without asking a worse group. */
  next(isLast: boolean): { readonly entrant: Entrant; readonly isOutOfTurn: boolean } | undefined
  /** One whose keys are all busy or refused for this model: it can say better than we why nobody answers. */
  lastResort(): Entrant | undefined
  take(entrant: Entrant): void
  /** Why one cannot be asked now; undefined when it can. */
  refusal(entrant: Entrant): LeftOut | undefined
  /** Those who were found to be out while the best ones were looked for. */
  refused(): readonly LeftOut[]
}

function createField(entrants: readonly Entrant[], { circuits }: Pick<AutoInput, 'circuits'>): Field {
  const taken = new Set<Entrant>()
  const providers = new Set<Provider>()
  const known = new Map<Entrant, LeftOut | undefined>()

  function refusal(entrant: Entrant): LeftOut | undefined {
    if (known.has(entrant)) return known.get(entrant)
    const { provider, model } = entrant
    const skipped =
      circuitSkip(circuits, provider, model) ??
      (provider.keysLeft?.(model.id) === 0
        ? { reason: Skip.NO_KEY, message: 'no key can ask it now' }
        : undefined)
    const out = skipped && { ...skipped, provider, model }
    known.set(entrant, out)
    return out
  }

  // Few are ever looked at closely, so that asking circuits and keys costs nothing for the rest.
  function best(accepts: (entrant: Entrant) => boolean = () => true): Entrant | undefined {
    for (;;) {
      let found: Entrant | undefined
      for (const entrant of entrants) {
        if (entrant.isGuest || taken.has(entrant) || known.get(entrant) !== undefined) continue
        if ((found === undefined || isBetter(entrant, found)) && accepts(entrant)) found = entrant
      }
      if (found === undefined || refusal(found) === undefined) return found
    }
  }

  return {
    best,
    refusal,
    next(isLast) {
      const first = best()
      if (first === undefined) return undefined
      const isFresh = ({ provider }: Entrant): boolean => !providers.has(provider)
      // A dead provider must not take all: whoever is last comes from another one, even from a worse group.
      const other =
        best(one => isFresh(one) && one.group === first.group) ??
        (isLast && providers.size === 1 ? best(isFresh) : undefined)
      return { entrant: other ?? first, isOutOfTurn: other !== undefined && other !== first }
    },
    take(entrant) {
      taken.add(entrant)
      providers.add(entrant.provider)
    },
    lastResort: () => entrants.find(one => !one.isGuest && known.get(one)?.reason === Skip.NO_KEY),
    refused: () => [...known].flatMap(([one, out]) => (out === undefined || taken.has(one) ? [] : [out])),
  }
}

function isBetter(one: Entrant, other: Entrant): boolean {
  if (one.group !== other.group) return one.group < other.group
  return one.score > other.score + NEARLY_EQUAL
}
