// All scenarios of the failover suite in the order of the report.
import { codeScenarios } from './codes.ts'
import type { Scenario } from './scenario.ts'
import { answerScenarios } from './scenarios-answers.ts'
import { brokenScenarios } from './scenarios-broken.ts'
import { circuitScenarios } from './scenarios-circuits.ts'
import { clientScenarios } from './scenarios-client.ts'
import { connectionScenarios } from './scenarios-connection.ts'
import { keyScenarios } from './scenarios-keys.ts'
import { limitScenarios } from './scenarios-limits.ts'
import { refusedScenarios } from './scenarios-refused.ts'
import { silenceScenarios } from './scenarios-silence.ts'

/** Scenarios about one thing. */
export interface Topic {
  readonly title: string
  readonly scenarios: readonly Scenario[]
}

/** Those that every provider goes through. */
export const topics: readonly Topic[] = [
  { title: 'The way to the provider', scenarios: connectionScenarios },
  { title: 'Silence and slowness', scenarios: silenceScenarios },
  { title: 'Answers that break off', scenarios: brokenScenarios },
  { title: 'Answers that are none', scenarios: answerScenarios },
  { title: 'Refusals', scenarios: refusedScenarios },
  { title: 'Limits and retries', scenarios: limitScenarios },
  { title: 'Circuits', scenarios: circuitScenarios },
  { title: 'Several keys', scenarios: keyScenarios },
  { title: 'The caller', scenarios: clientScenarios },
]

/** Those of one provider each: its own error codes. */
export const codeTopic: Topic = { title: 'Error codes', scenarios: codeScenarios }
