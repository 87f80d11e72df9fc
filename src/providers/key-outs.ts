// Which keys are out, until when, and how that is told.
import { GatewayError } from '../core/errors.ts'
import type { HeldKey } from './key-memory.ts'
import { longer, type Out, TROUBLES } from './key-troubles.ts'

/** Models are named by callers, so what is remembered of them has an end. */
const DENIED_MAX = 256

/** What is said of an absence. */
export interface Absent {
  readonly provider: string
  readonly out: Out
  readonly nowMs: number
  /** Its end in milliseconds since the Unix epoch. */
  readonly untilMs: number
  /** Absent: it is about every model. */
  readonly modelId: string | undefined
}

/** The failure of everybody who needs a key while the last one is out. */
export function absence({ provider, out, nowMs, untilMs, modelId }: Absent): GatewayError {
  const until = new Date(untilMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const who =
    out.trouble === 'permission'
      ? `no key of ${provider} may use ${modelId} until ${until}`
      : `every key of ${provider} is out until ${until}`
  const { reason, says } = TROUBLES[out.trouble]
  return new GatewayError(reason, `${who}: ${says}`, {
    provider,
    ...(modelId === undefined ? {} : { model: modelId }),
    retryDelayMs: Math.ceil(out.untilMs - nowMs),
    // Nobody was asked.
    against: 'nobody',
  })
}

/** Until when and why a key is out, for a model or for all; of several reasons the longest. */
export function outOf({ record, account }: HeldKey, nowMs: number, modelId?: string): Out | undefined {
  const denied = modelId === undefined ? undefined : record.denied.get(modelId)
  let found: Out | undefined
  for (const out of [account.out, record.out, denied]) {
    if (out !== undefined && out.untilMs > nowMs) found = longer(found, out)
  }
  return found
}

/** Which of them ends first; undefined when somebody is not out at all. */
export function firstBack(outs: readonly (Out | undefined)[]): Out | undefined {
  let first: Out | undefined
  for (const out of outs) {
    if (out === undefined) return undefined
    if (first === undefined || out.untilMs < first.untilMs) first = out
  }
  return first
}

/** Keeps a model from a key; of those that are remembered the oldest goes. */
export function deny(denied: Map<string, Out>, modelId: string, out: Out): void {
  denied.delete(modelId)
  denied.set(modelId, out)
  const [oldest] = denied.keys()
  if (denied.size > DENIED_MAX && oldest !== undefined) denied.delete(oldest)
}
