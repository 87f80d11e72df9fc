// What happens in the service beside its calls: plain values that become log lines, numbers and messages to watchers.

/** How a circuit lets calls pass. */
export type CircuitStateName = 'closed' | 'open' | 'half_open'

/** One thing that happened. */
export type GatewayEvent =
  | {
      readonly type: 'circuit.changed'
      readonly provider: string
      readonly model: string
      readonly from: CircuitStateName
      readonly to: CircuitStateName
      /** Why, one sentence such as `12 of 20 calls failed`. */
      readonly reason: string
    }
  | { readonly type: 'config.taken'; readonly version: number }
  /** A changed file was refused whole, and the configuration before it stays. */
  | { readonly type: 'config.refused'; readonly version: number; readonly problems: readonly string[] }

/** Takes what happens. */
export type EventSink = (event: GatewayEvent) => void
