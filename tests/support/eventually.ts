// Waits for what an asynchronous effect brings: at once on a quiet machine, late on a busy one.
import { vi } from 'vitest'

/** How long something may take that takes milliseconds where nobody else computes, in milliseconds. */
const EVENTUALLY_MS = 15_000

/** Resolves with what `look` gives as soon as it throws no more; throws what it threw last when the time is over. */
export const eventually = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: EVENTUALLY_MS })
