// The preferred provider dies under load and comes back: no call may fail, and calls must hardly notice it.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { question } from '../support/clients.ts'
import { startService } from '../support/running-server.ts'
import { startGlm } from '../support/upstream/glm.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import { models } from './told.ts'

/** How the preferred provider is dead: nobody listens, it never answers, or it fails every call. */
export type Death = 'refuses' | 'hangs' | 'fails'

/** One run. */
export interface OutageOptions {
  readonly death: Death
  /** Calls a second. */
  readonly rate: number
  /** Under load and not counted: code is still being compiled. */
  readonly settleSeconds: number
  /** Before the outage. */
  readonly healthySeconds: number
  readonly outageSeconds: number
  /** After it: longer than a circuit stays open. */
  readonly afterSeconds: number
  /** How long circuits stay open. Default: as usual. */
  readonly openSeconds?: number
}

/** Times to the first token of some calls, in milliseconds. */
export interface Times {
  readonly calls: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** What came of it. */
export interface OutageResult {
  readonly calls: number
  /** Calls that ended in an error or with anything but the whole text of one provider, and how the first few did. */
  readonly failed: number
  readonly failures: readonly string[]
  readonly healthy: Times
  /** Calls in the outage that met the dead provider before its circuit was open. */
  readonly hit: Times
  /** Calls in the outage after its circuit was open, probes included. */
  readonly open: Times
  /** Calls that asked the dead provider in vain after its circuit had opened. */
  readonly probes: number
  /** From the end of the outage to the first answer of the preferred provider; undefined when there was none. */
  readonly backAfterMs: number | undefined
}

interface Done {
  readonly atMs: number
  readonly firstTokenMs: number
  readonly attempts: number
  readonly by: string
  readonly failure: string | undefined
}

/** In seconds. Only one that hangs has to meet it, and soon; an answer on a busy machine never should. */
const FIRST_TOKEN_TIMEOUTS = { refuses: '12', hangs: '3', fails: '12' } as const satisfies Record<
  Death,
  string
>

/** What the two say: short, because clients and doubles share the machine with the service that is measured. */
const says = { openai: 'Here I am again.', glm: 'There I go instead.' } as const
const answering = (text: string) => ({ answer: { text, reasoning: '' }, times: Number.POSITIVE_INFINITY })

/** Runs it against a service of its own. */
export async function runOutage(options: OutageOptions): Promise<OutageResult> {
  const preferred = await startUpstream()
  const fallback = await startGlm()
  preferred.next(answering(says.openai))
  fallback.next(answering(says.glm))
  const service = await startService(
    {
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: preferred.url,
      GLM_API_KEY: 'test-key',
      GLM_BASE_URL: fallback.url,
      FIRST_TOKEN_TIMEOUT: FIRST_TOKEN_TIMEOUTS[options.death],
      EXAI_CONFIG: 'exai.json',
    },
    { files: { 'exai.json': JSON.stringify(routingOf(options)) }, isCovered: false },
  )
  try {
    const clients = Array.from({ length: CONNECTIONS }, () =>
      createClient(ChatService, createGrpcTransport({ baseUrl: service.url })),
    )
    for (let round = 0; round < WARM_CALLS; round += 1) await call(oneOf(clients, round))
    const load = startLoad(clients, options.rate)
    await sleep(options.settleSeconds * 1000)
    const countedFromMs = performance.now()
    await sleep(options.healthySeconds * 1000)
    const revive = await kill(preferred, options.death)
    const diedAtMs = performance.now()
    await sleep(options.outageSeconds * 1000)
    const endedAtMs = performance.now()
    await revive()
    await sleep(options.afterSeconds * 1000)
    return judged(await load.stop(), { countedFromMs, diedAtMs, endedAtMs })
  } finally {
    await service.stop()
    await Promise.all([preferred.close(), fallback.close()])
  }
}

const WARM_CALLS = 100
/** Callers are many: with one connection, its limit of streams would hold up those behind the calls that wait for a dead provider. */
const CONNECTIONS = 8

function oneOf<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length]
  if (item === undefined) throw new Error('there is nothing to take from')
  return item
}

const routingOf = ({ openSeconds }: OutageOptions) =>
  openSeconds === undefined ? {} : { routing: { circuit: { open_seconds: openSeconds } } }

/** Kills the provider, but for what it has begun: a stream that breaks is a failure by contract. Resolves with what brings it back. */
async function kill(preferred: Upstream, death: Death): Promise<() => Promise<void>> {
  if (death === 'refuses') {
    await preferred.leaveGently()
    return () => preferred.goOnline()
  }
  let isDead = true
  // A script that waits in front of the usual one, for as long as it is wanted.
  preferred.nextFirst({
    faults: [death === 'hangs' ? 'hang-before-headers' : 'status=500'],
    match: () => isDead,
    times: Number.POSITIVE_INFINITY,
  })
  return async () => {
    isDead = false
  }
}

/** Calls at a steady rate, whatever becomes of them: slow ones do not hold up the next. */
function startLoad(clients: readonly Client<typeof ChatService>[], rate: number) {
  const done: Done[] = []
  const running = new Set<Promise<void>>()
  const startedAtMs = performance.now()
  let started = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAtMs) / 1000) * rate)
    for (; started < due; started += 1) {
      const one = call(oneOf(clients, started)).then(each => {
        done.push(each)
        running.delete(one)
      })
      running.add(one)
    }
  }, 1)
  return {
    async stop(): Promise<readonly Done[]> {
      clearInterval(timer)
      await Promise.all(running)
      return done
    },
  }
}

async function call(client: Client<typeof ChatService>): Promise<Done> {
  const atMs = performance.now()
  let firstAtMs = Number.NaN
  let text = ''
  let by = ''
  let attempts = 0
  try {
    const asked = question(`openai/${models.openai}`, 'What is it about?', {
      routing: { fallbackModels: [`glm/${models.glm}`] },
    })
    for await (const { event } of client.streamComplete(asked, { timeoutMs: 15_000 })) {
      if (event.case === 'textDelta') {
        if (text === '') firstAtMs = performance.now()
        text += event.value.text
      }
      if (event.case === 'completed') {
        by = event.value.response?.provider ?? ''
        attempts = event.value.response?.route?.attempts.length ?? 0
      }
    }
  } catch (error) {
    return { atMs, firstTokenMs: Number.NaN, attempts, by, failure: String(error) }
  }
  const isWhole = text === (by === 'openai' ? says.openai : says.glm)
  const failure = isWhole ? undefined : `${by} said ${JSON.stringify(text)}`
  return { atMs, firstTokenMs: firstAtMs - atMs, attempts, by, failure }
}

interface Moments {
  readonly countedFromMs: number
  readonly diedAtMs: number
  readonly endedAtMs: number
}

function judged(done: readonly Done[], { countedFromMs, diedAtMs, endedAtMs }: Moments): OutageResult {
  const failures = done.flatMap(({ failure }) => failure ?? [])
  const inOutage = done.filter(({ atMs }) => atMs >= diedAtMs && atMs < endedAtMs)
  // It is open as soon as somebody is not sent to the dead provider any more.
  const openAtMs = Math.min(
    ...inOutage.filter(({ by, attempts }) => by === 'glm' && attempts === 1).map(({ atMs }) => atMs),
  )
  const back = done.filter(({ atMs, by }) => atMs >= endedAtMs && by === 'openai').map(({ atMs }) => atMs)
  const open = inOutage.filter(({ atMs }) => atMs >= openAtMs)
  return {
    calls: done.length,
    failed: failures.length,
    failures: failures.slice(0, 3),
    healthy: timesOf(done.filter(({ atMs }) => atMs >= countedFromMs && atMs < diedAtMs - MARGIN_MS)),
    hit: timesOf(inOutage.filter(({ atMs }) => !(atMs >= openAtMs))),
    open: timesOf(open),
    probes: open.filter(({ attempts }) => attempts > 1).length,
    backAfterMs: back.length === 0 ? undefined : Math.min(...back) - endedAtMs,
  }
}

/** Calls that begin so shortly before the outage may still be running when it begins. */
const MARGIN_MS = 200

function timesOf(done: readonly Done[]): Times {
  const sorted = done.map(({ firstTokenMs }) => firstTokenMs).toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { calls: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? Number.NaN }
}
