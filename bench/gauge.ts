// Loaded before the gateway (`node --expose-gc --import`): collects garbage when asked, and tells what is left. Nothing else.
import { Session } from 'node:inspector/promises'
import { setImmediate as turn } from 'node:timers/promises'

/** What a process holds after its garbage was collected, in bytes. */
export type Gauged = {
  readonly rss: number
  readonly heap: number
  /** Outside of the heap, but known to V8: buffers. */
  readonly external: number
  /** With sampling: whose allocations are alive, bytes by function, the largest first. */
  readonly holders: readonly (readonly [string, number])[]
}

/** `gauge` weighs; `sample` begins to note who allocates, for the `holders` of the next one. */
export type GaugeOrder = 'gauge' | 'sample'

type Node = {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly selfSize: number
  readonly children: readonly Node[]
}

const PASSES = 4
const HOLDERS = 60
const SAMPLE_BYTES = 16_384

let session: Session | undefined

process.on('message', (order: GaugeOrder) => {
  void (order === 'gauge' ? gauge() : sample())
})
// Whoever is weighed must not live longer than who weighs, and must not be kept alive by it.
process.once('disconnect', () => process.exit(0))
process.channel?.unref()

async function gauge(): Promise<void> {
  for (let pass = 0; pass < PASSES; pass += 1) {
    globalThis.gc?.()
    await turn()
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  const gauged: Gauged = { rss, heap: heapUsed, external, holders: await holdersOf() }
  process.send?.(gauged)
}

async function sample(): Promise<void> {
  session = new Session()
  session.connect()
  await session.post('HeapProfiler.startSampling', { samplingInterval: SAMPLE_BYTES })
  process.send?.({ ready: true })
}

async function holdersOf(): Promise<Gauged['holders']> {
  if (session === undefined) return []
  const { profile } = await session.post('HeapProfiler.getSamplingProfile')
  const sizes = new Map<string, number>()
  const add = ({ callFrame: { functionName, url, lineNumber }, selfSize, children }: Node): void => {
    const place = url.split('/').slice(-3).join('/')
    const name = `${functionName === '' ? '(anonymous)' : functionName} ${place}:${lineNumber + 1}`
    sizes.set(name, (sizes.get(name) ?? 0) + selfSize)
    for (const child of children) add(child)
  }
  add(profile.head)
  return [...sizes].toSorted(([, one], [, other]) => other - one).slice(0, HOLDERS)
}
