// The list of calls: pages of ListRequests for a filter, with the calls that begin and end meanwhile merged in.
import { batch, computed, effect, signal } from '@preact/signals'
import { RequestRecord_Outcome as Outcome, type RequestRecord } from '#gen/exai/v1/event_pb'
import { type Failure, failureOf } from './failure.ts'
import { isUse, KEPT_MAX, onCalls, seeds, startOf } from './feed.ts'
import { client, noteFailure } from './session.ts'
import { reasonName } from './words.ts'

/** What is asked for. */
export interface CallFilter {
  /** UNSPECIFIED: any. */
  readonly outcome: Outcome
  /** Empty: any. */
  readonly provider: string
  /** Words that a call must contain, or an id. */
  readonly text: string
  /** Whether looking at the gateway counts as a call. */
  readonly isAll: boolean
}

/** How loading stands. */
export type Loading = 'loading' | 'more' | 'all' | 'full'

const PAGE = 200
// The most that one answer holds.
const REFRESHED = 500

/** What is asked for. */
export const filter = signal<CallFilter>({
  outcome: Outcome.UNSPECIFIED,
  provider: '',
  text: '',
  isAll: false,
})
/** How loading stands: `more` can be loaded, `all` are there, or the page is `full`. */
export const loading = signal<Loading>('loading')
/** Why a page could not be loaded. */
export const loadFailure = signal<Failure | undefined>(undefined)

const known = signal<ReadonlyMap<string, RequestRecord>>(new Map())

/** The calls that match, the newest first. */
export const calls = computed<readonly RequestRecord[]>(() => {
  const wanted = filter.value
  return [...known.value.values()]
    .filter(call => matches(call, wanted))
    .toSorted((a, b) => startOf(b) - startOf(a))
})

let pageToken = ''
let turn = 0

/** Loads the first page for the filter anew. */
export async function reload(): Promise<void> {
  turn += 1
  pageToken = ''
  batch(() => {
    known.value = new Map()
    loading.value = 'loading'
    loadFailure.value = undefined
  })
  await loadPage(turn)
}

/** Asks for the newest calls again, and keeps all others. */
async function refresh(): Promise<void> {
  const mine = turn
  try {
    const { requests } = await client.monitoring.listRequests({
      pageSize: REFRESHED,
      ...queryOf(filter.peek()),
    })
    if (mine === turn) add(requests, false)
  } catch (thrown) {
    noteFailure(failureOf(thrown))
  }
}

/** Loads the next page, if there is one and nothing else is being loaded. */
export function loadMore(): void {
  if (loading.peek() !== 'more') return
  loading.value = 'loading'
  void loadPage(turn)
}

/** Follows the calls that begin and end; gives the way to stop. */
export function followCalls(): () => void {
  const stopListening = onCalls(take)
  void reload()
  const seenSeeds = seeds.peek()
  // What was missed while disconnected is asked for.
  const stopWatching = effect(() => {
    if (seeds.value !== seenSeeds) void refresh()
  })
  const { outcome, provider } = filter.peek()
  let asked = `${outcome} ${provider} ${idIn(filter.peek().text)}`
  const stopFiltering = effect(() => {
    const { outcome, provider, text } = filter.value
    const asking = `${outcome} ${provider} ${idIn(text)}`
    if (asking !== asked) void reload()
    asked = asking
  })
  return () => {
    stopListening()
    stopWatching()
    stopFiltering()
  }
}

/** Gets one call, known or not; undefined when the gateway does not keep it. */
export async function findCall(requestId: string): Promise<RequestRecord | undefined> {
  const there = known.peek().get(requestId)
  if (there !== undefined) return there
  const { requests } = await client.monitoring.listRequests({ requestId, pageSize: 1 })
  return requests[0]
}

/** The newest that is known of a call. */
export function knownCall(requestId: string): RequestRecord | undefined {
  return known.value.get(requestId)
}

async function loadPage(mine: number): Promise<void> {
  try {
    const answer = await client.monitoring.listRequests({
      pageSize: PAGE,
      pageToken,
      ...queryOf(filter.peek()),
    })
    if (mine !== turn) return
    pageToken = answer.nextPageToken
    const shown = calls.peek().length
    add(answer.requests, false)
    // A page that shows nothing new would leave its reader at the end, with more behind it.
    if (pageToken !== '' && calls.peek().length === shown && known.peek().size < KEPT_MAX)
      return await loadPage(mine)
    loading.value = pageToken === '' ? 'all' : known.peek().size >= KEPT_MAX ? 'full' : 'more'
  } catch (thrown) {
    if (mine !== turn) return
    const failure = failureOf(thrown)
    noteFailure(failure)
    batch(() => {
      loadFailure.value = failure
      loading.value = 'all'
    })
  }
}

function take(fresh: readonly RequestRecord[]): void {
  add(fresh, true)
}

// A call that ended is not overwritten by an older tale of it.
function add(fresh: readonly RequestRecord[], isNewer: boolean): void {
  const next = new Map(known.peek())
  for (const call of fresh) {
    const there = next.get(call.requestId)
    const isEnded = there !== undefined && there.outcome !== Outcome.RUNNING
    if (there === undefined || (!isEnded && (isNewer || call.outcome !== Outcome.RUNNING)))
      next.set(call.requestId, call)
  }
  if (next.size > KEPT_MAX) {
    const oldest = [...next.values()].toSorted((a, b) => startOf(a) - startOf(b))
    for (const call of oldest.slice(0, next.size - KEPT_MAX)) next.delete(call.requestId)
  }
  known.value = next
}

function queryOf({ outcome, provider, text }: CallFilter) {
  return {
    outcomes: outcome === Outcome.UNSPECIFIED ? [] : [outcome],
    providers: provider === '' ? [] : [provider],
    ...idQuery(text),
  }
}

function idQuery(text: string): { responseId: string } | { conversationId: string } | Record<string, never> {
  const id = idIn(text)
  if (id.startsWith('resp_')) return { responseId: id }
  return id.startsWith('conv_') ? { conversationId: id } : {}
}

function idIn(text: string): string {
  return /(?:resp|conv)_[0-9a-f-]{36}/.exec(text)?.[0] ?? ''
}

function matches(call: RequestRecord, { outcome, provider, text, isAll }: CallFilter): boolean {
  if (!isAll && !isUse(call)) return false
  if (outcome !== Outcome.UNSPECIFIED && call.outcome !== outcome) return false
  const tried = [call.provider, ...(call.route?.attempts ?? []).map(attempt => attempt.provider)]
  if (provider !== '' && !tried.includes(provider)) return false
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const { requestId, responseId, conversationId, model, method, door, tenant, user, keyLabel, route, error } =
    call
  const all = [
    requestId,
    responseId,
    conversationId,
    model,
    method,
    door,
    tenant,
    user,
    keyLabel,
    route?.requestedModel,
    reasonName(error),
    ...tried,
  ]
  const haystack = all.join(' ').toLowerCase()
  return words.every(word => haystack.includes(word))
}

/** The model that answered or was asked for, else the method. */
export function nameOf({ model, route, method }: RequestRecord): string {
  return model || route?.requestedModel || method.replace(/^exai\.v1\./, '')
}
