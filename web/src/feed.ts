// What the gateway tells while the page is open: its state, its events, its recent calls, and the history made of them.
import { effect, signal } from '@preact/signals'
import {
  type AttemptEvent_Cause,
  AttemptEvent_Phase,
  type Event,
  RequestRecord_Outcome as Outcome,
  type RequestRecord,
} from '#gen/exai/v1/event_pb'
import type { Status } from '#gen/exai/v1/status_pb'
import { type Failure, failureOf } from './failure.ts'
import { milliseconds, timestamp } from './format.ts'
import { createHistory, SLOT_MS, SLOTS } from './history.ts'
import { client, noteFailure } from './session.ts'
import { keepWatching, type Watch } from './watch.ts'

/** The most calls and events that are kept in the page. */
export const KEPT_MAX = 10_000
const FAILURES_SHOWN = 7
const SEED_PAGE = 500
const SEED_PAGES = 4
// Often enough to look live, seldom enough for thousands of events a second.
const FLUSH_MS = 250

/** The state of the gateway; undefined until it was told. */
export const status = signal<Status | undefined>(undefined)
/** The newest events first. */
export const events = signal<readonly Event[]>([])
/** How many events the gateway did not send because this page was slow. */
export const droppedEvents = signal(0)
/** The last failed calls, the newest first; undefined until they were asked for. */
export const failures = signal<readonly RequestRecord[] | undefined>(undefined)
/** Changes whenever the history did. */
export const historyVersion = signal(0)
/** Whether the history has been filled with the calls from before the page was opened. */
export const isSeeded = signal(false)
/** How often what was missed has been asked for: after each connection. */
export const seeds = signal(0)
/** Why the recent calls could not be listed. */
export const seedFailure = signal<Failure | undefined>(undefined)
/** The gateway's time in milliseconds, told once a second. */
export const now = signal(Date.now())
/** The watches; undefined while nobody may watch. */
export const watches = signal<{ readonly status: Watch; readonly events: Watch } | undefined>(undefined)

/** The calls of the last five minutes. */
export const history = createHistory()

/** Why attempts were made, by call and index: more than a record tells. */
const causes = new Map<string, Map<number, AttemptEvent_Cause>>()

type Listener = (calls: readonly RequestRecord[]) => void
const listeners = new Set<Listener>()

let skewMs = 0
let waiting: Event[] = []
let flushing: ReturnType<typeof setTimeout> | undefined

/** Tells of every call that began or ended, in batches. Gives the way to stop. */
export function onCalls(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Why the attempts of a call were made, by index, as far as events told. */
export function causesOf(requestId: string): ReadonlyMap<number, AttemptEvent_Cause> | undefined {
  return causes.get(requestId)
}

/** Whether a call is one of the page's own kind: looking at the gateway is not using it. */
export function isUse({ method }: RequestRecord): boolean {
  return !/\.(?:MonitoringService|AccessService|Health|ServerReflection)\/|\/(?:ListModels|ListFiles)$/.test(
    method,
  )
}

/** Starts to watch; gives the way to stop. */
export function startFeed(): () => void {
  const statusWatch = keepWatching(
    options => client.monitoring.watchStatus({}, options),
    ({ status: told }) => {
      if (told === undefined) return
      if (told.updateTime !== undefined) skewMs = milliseconds(told.updateTime) - Date.now()
      status.value = told
    },
  )
  const eventWatch = keepWatching(
    options => client.monitoring.watchEvents({}, options),
    ({ event, droppedCount }) => {
      if (droppedCount > 0) droppedEvents.value += droppedCount
      if (event !== undefined) takeEvent(event)
    },
  )
  watches.value = { status: statusWatch, events: eventWatch }
  const ticking = setInterval(tick, 1000)
  // Whatever happened while nobody was connected is in the list of calls.
  const stopSeeding = effect(() => {
    if (statusWatch.state.value.state !== 'live') return
    if (eventWatch.state.peek().state === 'lost') eventWatch.retryNow()
    void seed()
  })
  // And once more when nothing can be missed any longer: between the two, calls may have ended.
  const stopSeedingAgain = effect(() => {
    if (eventWatch.state.value.state === 'live') void seed()
  })
  tick()
  return () => {
    stopSeeding()
    stopSeedingAgain()
    clearInterval(ticking)
    clearTimeout(flushing)
    flushing = undefined
    waiting = []
    statusWatch.close()
    eventWatch.close()
    watches.value = undefined
  }
}

function tick(): void {
  now.value = Date.now() + skewMs
}

function takeEvent(event: Event): void {
  waiting.push(event)
  flushing ??= setTimeout(flush, FLUSH_MS)
}

function flush(): void {
  flushing = undefined
  const fresh = waiting
  waiting = []
  events.value = [...fresh.toReversed(), ...events.peek()].slice(0, KEPT_MAX)
  const calls: RequestRecord[] = []
  for (const event of fresh) {
    if (event.kind.case === 'request' && event.kind.value.request !== undefined)
      calls.push(event.kind.value.request)
    if (event.kind.case === 'attempt') noteAttempt(event)
  }
  takeCalls(calls)
}

function noteAttempt({ requestId, kind }: Event): void {
  if (kind.case !== 'attempt' || kind.value.phase !== AttemptEvent_Phase.STARTED) return
  const told = causes.get(requestId) ?? new Map<number, AttemptEvent_Cause>()
  told.set(kind.value.index, kind.value.cause)
  causes.set(requestId, told)
  const [oldest] = causes.keys()
  if (causes.size > KEPT_MAX && oldest !== undefined) causes.delete(oldest)
}

function takeCalls(calls: readonly RequestRecord[]): void {
  if (calls.length === 0) return
  for (const listener of listeners) listener(calls)
  const used = calls.filter(isUse)
  count(used)
  const failed = used.filter(({ outcome }) => outcome === Outcome.FAILED)
  if (failed.length > 0 && failures.peek() !== undefined) mergeFailures(failed)
}

function count(calls: readonly RequestRecord[]): void {
  const nowMs = Date.now() + skewMs
  let isChanged = false
  for (const call of calls) isChanged = history.add(call, nowMs) || isChanged
  if (isChanged) historyVersion.value += 1
}

function mergeFailures(failed: readonly RequestRecord[]): void {
  const known = new Map<string, RequestRecord>()
  for (const call of [...failed, ...(failures.peek() ?? [])])
    if (!known.has(call.requestId)) known.set(call.requestId, call)
  failures.value = [...known.values()].toSorted((a, b) => startOf(b) - startOf(a)).slice(0, FAILURES_SHOWN)
}

/** When a call began, in milliseconds. */
export function startOf({ startTime }: RequestRecord): number {
  return startTime === undefined ? 0 : milliseconds(startTime)
}

async function seed(): Promise<void> {
  try {
    const startTime = timestamp(Date.now() + skewMs - SLOT_MS * SLOTS)
    const [failed] = await Promise.all([
      client.monitoring.listRequests({ outcomes: [Outcome.FAILED], pageSize: FAILURES_SHOWN * 4 }),
      seedHistory(startTime),
    ])
    mergeFailures(failed.requests.filter(isUse))
    seeds.value += 1
    seedFailure.value = undefined
  } catch (thrown) {
    const failure = failureOf(thrown)
    noteFailure(failure)
    failures.value ??= []
    seedFailure.value = failure
  }
  isSeeded.value = true
}

async function seedHistory(startTime: { seconds: bigint; nanos: number }): Promise<void> {
  let pageToken = ''
  for (let page = 0; page < SEED_PAGES; page += 1) {
    const answer = await client.monitoring.listRequests({ startTime, pageSize: SEED_PAGE, pageToken })
    count(answer.requests.filter(isUse))
    pageToken = answer.nextPageToken
    if (pageToken === '') return
  }
}
