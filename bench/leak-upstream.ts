// The fake provider of a leak run: remembers when each call came and when its socket closed.
import { type FakeOpenAi, startFakeOpenAi } from './fake-openai.ts'
import { callIn } from './payload.ts'

/** One call as the provider saw it. */
export type SeenCall = {
  /** When it came, by `performance.now()`. */
  readonly atMs: number
  /** When the socket closed that it came on; undefined while it is open. */
  readonly closedAtMs: number | undefined
}

/** A fake provider that keeps a record of its calls. */
export type LeakUpstream = FakeOpenAi & {
  /** Undefined if the call never came. */
  readonly seen: (call: number) => SeenCall | undefined
  /** How many sockets of these calls are open. */
  readonly openOf: (calls: readonly number[]) => number
}

/** Starts one. */
export async function startLeakUpstream(): Promise<LeakUpstream> {
  const calls = new Map<number, SeenCall>()
  const fake = await startFakeOpenAi({
    onCall: (body, socket) => {
      const call = callIn(body)
      if (call === undefined) return
      const atMs = performance.now()
      calls.set(call, { atMs, closedAtMs: undefined })
      socket.once('close', () => calls.set(call, { atMs, closedAtMs: performance.now() }))
    },
  })
  const isOpen = (seen: SeenCall | undefined): boolean => seen !== undefined && seen.closedAtMs === undefined
  return {
    ...fake,
    seen: call => calls.get(call),
    openOf: asked => asked.filter(call => isOpen(calls.get(call))).length,
  }
}
