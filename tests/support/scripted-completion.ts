// A completion whose every event a test gives by hand, and recorded answers around it: who runs, who reads, what is kept.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Completion } from '../../src/chat/complete.ts'
import { createEvents, type EventInit, heartbeat } from '../../src/chat/events.ts'
import { createRecordedCompletion, type RecordedCompletion } from '../../src/chat/recorded.ts'
import { RECORDING_LIMITS, type RecordingLimits } from '../../src/chat/recording-limits.ts'
import type { Call, RecordedEnd } from '../../src/core/call.ts'
import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/core/clock.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { newId } from '../../src/core/ids.ts'
import type { Marks } from '../../src/core/marks.ts'
import type { Ending, Journal, Settlement } from '../../src/core/settlement.ts'
import type { Shared } from '../../src/core/shared.ts'
import { createProcessShared } from '../../src/stores/process/shared.ts'

/** One call that the completion was asked for, in the hands of the test. */
export interface ScriptedRun {
  readonly call: Call
  readonly request: CompleteRequest
  readonly responseId: string
  /** Begins the answer. */
  start(): void
  say(text: string): void
  beat(): void
  /** Ends well; the response says all that was said. */
  complete(): void
  fail(error: GatewayError): void
  /** Whether it is over, in whatever way. */
  readonly isOver: () => boolean
}

/** A completion that does what a test says. */
export interface ScriptedCompletion extends Completion {
  /** Every stream that was asked for, oldest first. */
  readonly runs: readonly ScriptedRun[]
  /** The run with this number, from 0, as soon as there is one. */
  run(index: number): Promise<ScriptedRun>
}

// Longer than `until` takes to see that a run was aborted.
const SETTLE_MS = 15

/** Waits for what must become true soon. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 15_000
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error('it did not become true within 15 s')
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/** Makes a completion, which settles in a journal if there is one. A run that is aborted ends with the reason of its call, a moment later. */
export function createScriptedCompletion(journal?: Journal): ScriptedCompletion {
  const runs: ScriptedRun[] = []

  function open(
    call: Call,
    request: CompleteRequest,
  ): { run: ScriptedRun; events: AsyncGenerator<EventInit> } {
    const make = createEvents()
    const waiting: (EventInit | GatewayError)[] = []
    let wake = (): void => undefined
    let said = ''
    let isOver = false
    const responseId = call.recording?.responseId ?? newId('resp', systemClock.now())
    const give = (what: EventInit | GatewayError): void => {
      waiting.push(what)
      wake()
    }
    const run: ScriptedRun = {
      call,
      request,
      responseId,
      start: () => give(make.started(responseId, 'one', 'one-model')),
      say: text => {
        said += text
        const events: EventInit[] = []
        make.deltas([{ type: 'text', text }], events)
        for (const event of events) give(event)
      },
      beat: () => give(heartbeat(1)),
      complete: () => give(make.completed(responseOf(responseId, said))),
      fail: give,
      isOver: () => isOver,
    }
    async function settle(end: RecordedEnd): Promise<void> {
      const ending = call.recording?.ending(end)
      await journal?.commit(settlementOf(call, responseId, ending))
    }
    async function fail(error: GatewayError): Promise<never> {
      await settle({ type: 'failed', error })
      throw error
    }
    async function* events(): AsyncGenerator<EventInit> {
      call.signal.addEventListener('abort', () => wake())
      try {
        for (;;) {
          if (call.signal.aborted) {
            // What it takes to close the upstream and to settle.
            await new Promise(resolve => setTimeout(resolve, SETTLE_MS))
            await fail(GatewayError.from(call.signal.reason))
          }
          const next = waiting.shift()
          if (next instanceof GatewayError) return await fail(next)
          if (next === undefined) {
            await new Promise<void>(resolve => {
              wake = resolve
            })
            continue
          }
          if (next.event?.case === 'completed')
            await settle({ type: 'completed', response: next.event.value.response ?? {} })
          yield next
          if (next.event?.case === 'completed') return
        }
      } finally {
        isOver = true
        call.note({ responseId, outputTokens: said.length })
      }
    }
    return { run, events: events() }
  }

  return {
    runs,
    async run(index) {
      await until(() => runs.length > index)
      const run = runs[index]
      if (run === undefined) throw new Error(`there is no run ${index}`)
      return run
    },
    complete: async () => ({ id: 'not recorded' }),
    stream(call, request) {
      const { run, events } = open(call, request)
      runs.push(run)
      return events
    },
  }
}

function settlementOf(call: Call, responseId: string, ending: Ending | undefined): Settlement {
  return {
    responseId,
    requestId: call.id,
    caller: call.caller,
    requestedModel: 'one-model',
    outcome: { type: 'failed', reason: 'INTERNAL' },
    attempts: [],
    startedAt: systemClock.now(),
    durationMs: 1,
    ...(ending === undefined ? {} : { ending }),
  }
}

function responseOf(id: string, said: string) {
  return {
    id,
    provider: 'one',
    model: 'one-model',
    message: said === '' ? {} : { content: [{ kind: { case: 'text', value: '' } as const }] },
    usage: { outputTokens: said.length },
  }
}

/** What `createRecordedRig` may be given. */
export interface RecordedRigOptions {
  readonly shared?: Shared
  readonly marks?: Marks
  readonly journal?: Journal
  readonly clock?: Clock
  readonly limits?: Partial<RecordingLimits>
  readonly heartbeatMs?: number
}

/** Recorded answers around a scripted completion. */
export interface RecordedRig extends RecordedCompletion, Disposable {
  readonly scripted: ScriptedCompletion
  readonly shared: Shared
  readonly faults: readonly unknown[]
}

/** Puts recordings around a scripted completion, in a store of its own unless one is given. */
export function createRecordedRig({
  clock = systemClock,
  shared = createProcessShared({ clock, onFault: () => undefined }),
  marks,
  journal,
  limits = {},
  heartbeatMs = 10_000,
}: RecordedRigOptions = {}): RecordedRig {
  const scripted = createScriptedCompletion(journal)
  const faults: unknown[] = []
  const recorded = createRecordedCompletion({
    completion: scripted,
    shared,
    marks,
    clock,
    heartbeatMs,
    onFault: fault => void faults.push(fault),
    limits: { ...RECORDING_LIMITS, ...limits },
  })
  return { ...recorded, scripted, shared, faults, [Symbol.dispose]: recorded.close }
}

/** What a reader has of a stream so far, and how it ended. */
export interface Seen {
  readonly events: readonly EventInit[]
  readonly text: () => string
  /** Resolves at the end; undefined when it ended well. */
  readonly ended: Promise<GatewayError | undefined>
  /** Resolves when so much text has come. */
  readonly says: (text: string) => Promise<void>
  readonly stream: AsyncGenerator<EventInit>
}

/** Reads a stream in the background. */
export function readOn(stream: AsyncGenerator<EventInit>): Seen {
  const events: EventInit[] = []
  const text = (): string =>
    events.map(({ event }) => (event?.case === 'textDelta' ? event.value.text : '')).join('')
  async function read(): Promise<GatewayError | undefined> {
    try {
      for await (const event of stream) events.push(event)
      return undefined
    } catch (error) {
      if (error instanceof GatewayError) return error
      throw error
    }
  }
  return { events, text, ended: read(), says: wanted => until(() => text() === wanted), stream }
}
