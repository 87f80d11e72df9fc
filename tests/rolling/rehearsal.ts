// Rehearses a script of deploy/compose under load: what was sent meanwhile, what failed, and how each process ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClusterOptions, type Ending, startCluster } from './cluster.ts'
import { type LoadOptions, type LoadResult, startLoad } from './load.ts'
import { type Callers, openWays } from './ways.ts'

/** What is rehearsed. */
export interface RehearsalOptions extends LoadOptions, ClusterOptions {
  readonly callers: Callers
  /** Of deploy/compose, in this order, one right after another. */
  readonly scripts: readonly string[]
  /** How long the load is on before the first script and after the last one. */
  readonly aroundSeconds: number
}

/** How it went. */
export interface Rehearsal extends LoadResult {
  /** What was asked of the provider; more than was sent means that something was asked twice. */
  readonly upstreamCalls: number
  /** Of the processes that were replaced. */
  readonly endings: readonly Ending[]
  /** What the scripts wrote. */
  readonly said: string
}

/** Starts everything, plays the load and the scripts, and ends everything. */
export async function rehearse(options: RehearsalOptions): Promise<Rehearsal> {
  const cluster = await startCluster(options)
  const ways = openWays(cluster.url, options.callers)
  try {
    const load = startLoad(ways, options)
    const said: string[] = []
    const play = async (): Promise<void> => {
      await sleep(options.aroundSeconds * 1000)
      for (const script of options.scripts) said.push(await cluster.script(script))
      await sleep(options.aroundSeconds * 1000)
    }
    // What a script complains of is told when the load has ended: nothing may call what is about to be closed.
    const played = await play().then(
      () => undefined,
      (error: unknown) => error ?? 'it failed',
    )
    const result = await load.end()
    if (played !== undefined) throw played
    const asked = cluster.upstream.requests.filter(({ method }) => method === 'POST')
    const [endings, upstreamCalls] = [[...cluster.endings], asked.length]
    return { ...result, upstreamCalls, endings, said: said.join('') }
  } finally {
    ways.close()
    await cluster.close()
  }
}
