// What the owner and its workers say to one another beside the shared state: every question by name, with what goes and comes.
import type { Config } from '../config/config.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Caller } from '../core/caller.ts'
import type { LimitEvent } from '../core/gateway-event.ts'
import type { LogLevel } from '../core/log.ts'
import type { ProviderKeyState } from '../core/provider.ts'
import type { KeepingNumbers } from '../keeping.ts'
import type { CircuitState } from '../routing/circuit-life.ts'
import type { DrainResult } from '../server/drain.ts'
import type { OverloadCause } from '../server/overload.ts'
import type { PortAddress } from '../server/port.ts'
import type { SwitchWish } from '../status/circuit-switch.ts'
import type { SeenEvent } from '../status/event-message.ts'
import type { ComponentReport, GatewayState } from '../status/state.ts'
import type { Settlements } from '../stores/sqlite/protocol.ts'
import type { Channel, Handlers } from '../stores/workers/channel.ts'
import type { Fault } from '../stores/workers/faults.ts'
import type { LogChannel } from '../telemetry/logger.ts'
import type { MetricValues } from '../telemetry/metric-sums.ts'

/** With what a worker begins. */
export interface Start {
  /** Its Snapshot is the one in use now. */
  readonly config: Config
  /** Its place among the workers, from 1; whoever is started in its place has the same. */
  readonly slot: number
  /** Absent: as the configuration says. */
  readonly level?: LogLevel | undefined
  readonly state: GatewayState
  readonly isRedisUp: boolean | undefined
  /** Which process the state is told of: the owner. */
  readonly instance: string
  /** When that began, in milliseconds since the Unix epoch. */
  readonly beganAt: number
  /** Of the pages of calls. */
  readonly listId: string
  /** Circuits that an operator holds open. */
  readonly wishes: readonly SwitchWish[]
  /** Whether somebody watches events. */
  readonly isWatched: boolean
}

/** A provider as a worker sees it. */
export interface ProviderSight {
  readonly id: string
  readonly unusableReason: string
  /** Whether it was in use and cannot be used now. */
  readonly isOut: boolean
  readonly keys: readonly ProviderKeyState[]
}

/** What a worker sees of the state. */
export interface Sight {
  readonly configVersion: number
  readonly providers: readonly ProviderSight[]
  readonly circuits: readonly CircuitState[]
  readonly store: ComponentReport
}

/** An event on its way to those who watch, with its message as bytes. */
export type EventOnItsWay = Omit<SeenEvent, 'message'> & { readonly message: Uint8Array }

/** A question for calls; the request as bytes. */
export interface CallsQuestion {
  readonly caller: Caller
  readonly request: Uint8Array
  readonly before: number
  readonly count: number
}

/** A call that was found, as bytes. */
export interface FoundBytes {
  readonly place: number
  readonly message: Uint8Array
}

/** A switch of circuits, and who asks for it. */
export interface SwitchQuestion {
  readonly caller: Caller
  readonly requestId: string
  readonly wish: SwitchWish
}

/** What became of the settlements of a bundle, by their numbers. */
export interface Kept {
  readonly ids: readonly number[]
  readonly failed: readonly (readonly [id: number, fault: Fault])[]
}

/** Why a worker cannot begin. */
export interface StartFault {
  /** Mistakes in the settings, one line each; empty: it is something else. */
  readonly problems: readonly string[]
  readonly message: string
  /** Of Node, such as `EADDRINUSE`. */
  readonly code?: string | undefined
}

/** What a worker asks its owner. */
export interface OwnerAnswers {
  readonly start: (input: { readonly pid: number }) => Promise<Start>
  readonly listening: (at: PortAddress) => void
  readonly failed: (fault: StartFault) => void
  /** Name and input of an operation of the store. */
  readonly store: (input: readonly [name: string, input: unknown]) => Promise<unknown>
  /** Answered by `kept`. */
  readonly commits: (bundle: Settlements) => void
  readonly wake: (input?: undefined) => void
  readonly arrived: (withinMs: number) => Promise<boolean>
  readonly numbers: (input?: undefined) => Promise<KeepingNumbers>
  readonly sight: (sight: Sight) => void
  readonly state: (input?: undefined) => Promise<GatewayState>
  readonly event: (event: EventOnItsWay) => void
  readonly limit: (event: LimitEvent) => void
  /** Whether nobody has told yet that what this counter counts is nearly used. */
  readonly near: (counter: string) => Promise<boolean>
  readonly watched: (isWatched: boolean) => void
  readonly calls: (question: CallsQuestion) => Promise<readonly FoundBytes[]>
  readonly metrics: (input?: undefined) => Promise<{ readonly contentType: string; readonly body: string }>
  readonly switch: (question: SwitchQuestion) => Promise<readonly CircuitState[]>
  readonly log: (line: readonly [text: string, channel: LogChannel, isError: boolean]) => void
  /** How late timers came, in milliseconds, and why calls are refused now. */
  readonly load: (input: { readonly delayMs: number; readonly shedFor: OverloadCause | undefined }) => void
}

/** What an owner asks its workers. */
export interface WorkerAnswers {
  readonly look: (input?: undefined) => Sight
  readonly told: (state: GatewayState) => void
  readonly redis: (isUp: boolean | undefined) => void
  readonly take: (snapshot: Snapshot) => void
  readonly level: (level: LogLevel) => void
  readonly show: (event: EventOnItsWay) => void
  readonly tell: (isWatched: boolean) => void
  readonly find: (question: CallsQuestion) => readonly FoundBytes[]
  readonly values: (input?: undefined) => Promise<MetricValues>
  readonly turn: (question: SwitchQuestion) => readonly CircuitState[]
  readonly drain: (input?: undefined) => Promise<DrainResult>
  readonly abort: (input?: undefined) => void
  readonly kept: (bundle: Kept) => void
}

/** The question for a sign of life: the event loop of a worker answers it, whatever else has begun. */
export const PULSE = 'pulse'

type Input<F> = F extends (input: infer I) => unknown ? I : never
type Output<F> = F extends (input: never) => infer O ? Awaited<O> : never

/** One end of a channel by whose names the other end answers. */
export interface Asking<Answers> {
  ask<Name extends keyof Answers & string>(
    name: Name,
    input: Input<Answers[Name]>,
  ): Promise<Output<Answers[Name]>>
  tell<Name extends keyof Answers & string>(name: Name, input: Input<Answers[Name]>): void
}

/** The channel with types: whoever stands at the other end has handlers of this very table. */
export function asking<Answers>(channel: Pick<Channel, 'ask' | 'tell'>): Asking<Answers> {
  return channel as Asking<Answers>
}

/** Handlers of a whole table. */
export function handlersOf<Answers extends OwnerAnswers | WorkerAnswers>(answers: Answers): Handlers {
  return { ...answers }
}
