// What a test tells the double to do: scripts queued by hand, and faults asked for inside the user's message.
import type { AnswerChange } from './answer.ts'
import type { Fault, UpstreamRequest } from './wire.ts'

/** An answer given byte by byte; every part of the body is one write (and counts as one event). */
export type RawReply = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[]
}

/** What is done with the next fitting request. A request that breaks the provider's rules is refused all the same. */
export type Script = {
  /** Changes to the deterministic answer. */
  readonly answer?: AnswerChange
  /** Instead of an answer. */
  readonly raw?: RawReply
  /** Faults as `name` or `name=value`, applied in order. */
  readonly faults?: readonly string[]
  /** Which requests it is for. Default: every one that the double would answer. */
  readonly match?: (request: UpstreamRequest) => boolean
  /** How many requests it serves. Default 1. */
  readonly times?: number
}

/** The scripts that wait for their request. */
export type ScriptQueue = {
  add(script: Script): void
  /** Before all that wait. */
  addFirst(script: Script): void
  /** Takes the first script that fits, in the order they were added. */
  take(request: UpstreamRequest): Script | undefined
  /** Takes the first script if it refuses connections. */
  takeRefusal(): boolean
  readonly size: number
}

/** Makes an empty queue. */
export function createScriptQueue(): ScriptQueue {
  const waiting: { readonly script: Script; left: number }[] = []
  const use = (index: number): Script | undefined => {
    const entry = waiting[index]
    if (entry === undefined) return undefined
    entry.left -= 1
    if (entry.left <= 0) waiting.splice(index, 1)
    return entry.script
  }
  return {
    add: script => {
      waiting.push({ script, left: script.times ?? 1 })
    },
    addFirst: script => {
      waiting.unshift({ script, left: script.times ?? 1 })
    },
    take: request => use(waiting.findIndex(({ script }) => script.match?.(request) ?? true)),
    takeRefusal() {
      if (waiting[0]?.script.faults?.includes('refuse') !== true) return false
      use(0)
      return true
    },
    get size() {
      return waiting.length
    },
  }
}

/** Reads `name` or `name=value`. */
export function parseFault(fault: string): Fault {
  const at = fault.indexOf('=')
  return at === -1 ? { name: fault } : { name: fault.slice(0, at), value: fault.slice(at + 1) }
}

/**
 * Faults inside a text: `[[fault:name=value]]`, `[[fault@primary:…]]` only for the upstream of that name, and
 * `[[fault*2:…]]` only for the first two requests with this very text.
 */
const magic = /\[\[fault(?:@([A-Za-z0-9_-]+))?(?:\*(\d+))?:([^\]]+)\]\]\s*/g

/** The text without its faults. */
export const withoutFaults = (text: string): string => text.replaceAll(magic, '')

/** Makes a reader of the faults in texts, which remembers how often it met each text. */
export function createFaultReader(upstreamName: string): (text: string) => readonly Fault[] {
  const met = new Map<string, number>()
  return text => {
    const found = [...text.matchAll(magic)]
    if (found.length === 0) return []
    const count = (met.get(text) ?? 0) + 1
    met.set(text, count)
    return found
      .filter(([, name, times]) => (name ?? upstreamName) === upstreamName && count <= Number(times ?? count))
      .map(([, , , fault]) => parseFault(fault ?? ''))
  }
}
