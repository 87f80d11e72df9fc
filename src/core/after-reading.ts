// Lets a process that is late hear first what its peers have sent in time.

/**
 * Runs something when every socket has been read from that had something when this was called. A loop that was busy looks at its
 * timers before it reads: what is late for a timer may lie in the kernel already.
 */
export function afterReading(run: () => void): void {
  // The first one may belong to the turn that has already read.
  setImmediate(() => setImmediate(run))
}
