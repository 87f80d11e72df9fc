// Waits that end with the call they belong to.

/** Waits so many milliseconds; throws the signal's reason when it aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> | undefined {
  if (ms <= 0) return undefined
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
