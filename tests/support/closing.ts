// The reporter that prints `N passed, N failed[, N skipped]` alone on the last line, after the coverage report.
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** How many tests ended in which way. */
export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number }

/** The closing line; skipped tests are named only when there are any. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/**
 * Counts a run. A file that can't be loaded and an error outside of every test are failures,
 * and a test that never came to an end (its worker died) is one, too.
 */
export function count(modules: readonly TestModule[], errors: readonly SerializedError[]): Counts {
  const counts = { passed: 0, failed: errors.length, skipped: 0 }
  for (const module of modules) {
    counts.failed += module.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      counts[state === 'pending' ? 'failed' : state] += 1
    }
  }
  return counts
}

/** What vitest makes for itself from the settings; it wants a class and a default export. */
export default class Closing implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const line = closingLine(count(modules, errors))
    process.once('exit', () => console.log(line))
  }
}
