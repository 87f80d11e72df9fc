// The error with which a start ends when the settings are wrong.

/** Exit status for it: EX_CONFIG of sysexits.h, so that a supervisor knows that a restart is no cure. */
export const CONFIG_EXIT_CODE = 78

/** Everything that is wrong with the settings, found at once. No line contains the value of a secret. */
export class ConfigError extends Error {
  /** One line for each problem; it names the variable or the place in the file, and the remedy. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the configuration has ${problems.length} problem(s):\n${problems.join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}
