// What a project has to have done from time to time: months for the rows to come, and the sums of the last days.
import { GatewayError } from '../../core/errors.ts'
import type { SupabaseConnection } from './connection.ts'
import { restFault } from './faults.ts'

/** Work in the project. Doing it again changes nothing. Each throws INTERNAL when the project does not do it. */
export interface ProjectUpkeep {
  /** Makes the partitions of this month and the next ones. */
  makePartitions(signal: AbortSignal): Promise<void>
  /** Adds up the UTC days from one instant to another, both in milliseconds since the Unix epoch. */
  rollUp(fromMs: number, untilMs: number, signal: AbortSignal): Promise<void>
}

/** A day of a busy ledger takes a while to be added up, in milliseconds. */
const UPKEEP_MS = 120_000

/** Makes it for a project. */
export function createUpkeep({ client, run }: SupabaseConnection): ProjectUpkeep {
  async function ask(name: string, args: object, signal: AbortSignal): Promise<void> {
    const { value } = await run(() => client.rpc(name, args), { signal, timeoutMs: UPKEEP_MS })
    if (value.error === null) return
    const fault = restFault({ ...value.error, status: value.status })
    throw new GatewayError('INTERNAL', `the project did not do ${name}`, {
      cause: new Error(`${fault.code}: ${fault.message}`),
    })
  }
  const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
  return {
    makePartitions: signal => ask('make_partitions', {}, signal),
    rollUp: (fromMs, untilMs, signal) =>
      ask('rollup_usage', { from_day: dayOf(fromMs), to_day: dayOf(untilMs) }, signal),
  }
}
