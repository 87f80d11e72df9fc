// How the tests run: real processes and sockets, coverage of all of src/ (also in children), the closing line last.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    reporters: ['default', './tests/support/closing.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // What is waited for comes late on a busy machine, and at once on a quiet one: these end what hangs, and measure nothing.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // Counts the service when a test starts it as a process of its own.
      autoAttachSubprocess: true,
      reporter: ['text-summary', 'html', 'json-summary'],
      thresholds: { lines: 80, branches: 80 },
    },
  },
})
