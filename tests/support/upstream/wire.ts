// What a provider's wire gives to the server that plays it, so that more wires can stand beside the first.
import type { IncomingHttpHeaders } from 'node:http'
import type { AnswerChange } from './answer.ts'
import type { Reply } from './reply.ts'

/** A fault by its name in a fault table, with its value if it takes one. */
export type Fault = { readonly name: string; readonly value?: string }

/** One request that the double has got. Times are milliseconds of `performance.now()`. */
export type UpstreamRequest = {
  readonly method: string
  /** With the query, as it came. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The parsed JSON; undefined when the body is not JSON or not all here. */
  readonly body: unknown
  readonly rawBody: Buffer
  readonly receivedAtMs: number
  /** Number of the connection it came on, from 1: equal numbers are a connection used again. */
  readonly connection: number
  /** The status of our answer, from when it is decided. */
  readonly status?: number
  /** Bytes of our body that were handed to the socket. */
  readonly bytesSent: number
  /** When we had sent everything, or broke the connection on purpose. */
  readonly endedAtMs?: number
  /** When the peer left before our end. */
  readonly closedByClientAtMs?: number
  /** Set when the wire saw a tool call come back without the reasoning that it was given with. */
  readonly reasoningMissing?: boolean
}

/** What a wire makes of a request. */
export type Received = {
  /** Whether scripts and faults apply; false for refusals, so that strictness always wins. */
  readonly scriptable: boolean
  /** Whether an event stream was asked for. */
  readonly stream: boolean
  /** Where faults are looked for. */
  readonly lastUserText: string
  /** Goes into the log. */
  readonly reasoningMissing?: boolean
  /** Makes the answer, with the changes and those of the faults that are the wire's own. */
  reply(change: AnswerChange, faults: readonly Fault[]): Reply
}

/** A provider's way to speak. */
export type Wire = {
  /** The provider, also the upstream's default name. */
  readonly name: string
  /** What stands before every path, such as `/v1`. */
  readonly basePath: string
  receive(request: UpstreamRequest): Received
  /** Whether a fault changes the answer itself and not only its bytes. */
  ownsFault(name: string): boolean
  /** An error answer by the provider's code, or by HTTP status; undefined when there is no such thing. */
  refusal(codeOrStatus: string): Reply | undefined
}
