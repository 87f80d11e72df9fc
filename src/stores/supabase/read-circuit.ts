// Leaves a project that does not answer alone: after a few failures in a row questions fail at once, until a probe is answered.
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../../core/errors.ts'
import type { Unavailable } from './delivery.ts'
import { backoffMs, DRAINER_LIMITS } from './drainer-events.ts'

/** What a circuit is made from. */
export interface ReadCircuitDeps {
  /** Asks the project for next to nothing; false when it does not answer. Never rejects. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>
  /** Waits so many milliseconds, or rejects when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** From 0 to 1, for the pauses between probes. */
  readonly random?: () => number
}

/** Knows whether a project answers. */
export interface ReadCircuit {
  /** Throws INTERNAL while the project is known not to answer. */
  check(): void
  /** Is told whether a question was answered, be it with a refusal. */
  heard(isAnswer: boolean): void
  /** Whether the project is known not to answer. */
  isOpen(): boolean
  /** Calls the listener when that changes. Returns the way to stop that. */
  onChange(listener: () => void): () => void
  /** Ends the probing. */
  close(): void
}

/** Questions in a row without an answer, after which no more are asked. */
export const SILENT_MAX = 3

const AWAY: Unavailable = { type: 'unavailable', because: 'trouble', code: '', message: '' }

/** Makes a circuit that lets everything through. */
export function createReadCircuit({
  probe,
  wait = napping,
  random = Math.random,
}: ReadCircuitDeps): ReadCircuit {
  const listeners = new Set<() => void>()
  let silent = 0
  /** Aborts the probing; there is one while it is open. */
  let probing: AbortController | undefined
  let isClosed = false

  function turn(next: AbortController | undefined): void {
    probing = next
    for (const listener of listeners) listener()
  }

  /** Nobody waits for a probe, so that a project that hangs costs nobody anything. */
  async function probeUntilAnswered({ signal }: AbortController): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await wait(backoffMs(AWAY, failures, random(), DRAINER_LIMITS), signal)
      } catch {
        return // Answered meanwhile, or closed.
      }
      if (await probe(signal)) heard(true)
    }
  }

  function heard(isAnswer: boolean): void {
    silent = isAnswer ? 0 : silent + 1
    if (isAnswer && probing !== undefined) {
      probing.abort()
      turn(undefined)
    } else if (silent >= SILENT_MAX && probing === undefined && !isClosed) {
      const next = new AbortController()
      turn(next)
      void probeUntilAnswered(next)
    }
  }

  return {
    check() {
      if (probing === undefined) return
      throw new GatewayError('INTERNAL', 'the shared database does not answer and is left alone for a while')
    },
    heard,
    isOpen: () => probing !== undefined,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      isClosed = true
      probing?.abort()
    },
  }
}

async function napping(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false })
}
