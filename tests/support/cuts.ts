// A client whose connection is cut in the middle of a stream, again and again, and that resumes it each time.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { chatClient, type Question, speeches } from './clients.ts'
import type { Chance } from './seeded.ts'

/** How a connection ends without a word of HTTP: with a FIN, with a RST, or with nothing at all. */
const WAYS = ['fin', 'reset', 'silence'] as const

/** A line between a client and a server that the test can cut. */
export interface Line {
  readonly url: string
  cut(how: (typeof WAYS)[number]): void
  close(): void
}

/** Opens a line to a port of this machine. */
export async function openLine(port: number): Promise<Line> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const relay = createServer(near => {
    const far = connect(port, '127.0.0.1')
    pairs.add([near, far])
    for (const socket of [near, far]) socket.on('error', ignore)
    near.pipe(far).pipe(near)
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  // A TCP server that listens has an address of this kind.
  const { port: own } = relay.address() as AddressInfo
  const destroy = (how: (typeof WAYS)[number]): void => {
    for (const [near, far] of pairs) {
      near.destroy()
      if (how === 'reset') far.resetAndDestroy()
      else if (how === 'fin') far.destroy()
      // The server goes on to write, and nobody reads: as when a cable is pulled.
      else far.unpipe().pause()
    }
  }
  return {
    url: `http://127.0.0.1:${own}`,
    cut: destroy,
    close: () => {
      destroy('fin')
      for (const [, far] of pairs) far.destroy()
      relay.close()
    },
  }
}

const ignore = (): void => {
  // Its own end.
}

/** What came of a stream that was cut. */
export interface Patched {
  /** Every numbered event, in the order of arrival. */
  readonly events: readonly StreamEvent[]
  readonly text: string
  /** How often the connection was cut. */
  readonly cuts: number
}

/** What `readThroughCuts` needs. */
export interface CutDeps {
  readonly port: number
  readonly chance: Chance
  readonly question: Question
  readonly requestId: string
  /** How often to cut, each time at another event, and the last event at which it may be. */
  readonly cuts: number
  readonly cutsUntil: number
  /** Called right after each cut with the id of the answer. */
  readonly onCut: (responseId: string) => void
}

/**
 * Asks for a stream and reads it to its end, through so many cuts. After each one it resumes on a new connection, as a
 * client does that knows only the last event it has seen.
 */
export async function readThroughCuts(deps: CutDeps): Promise<Patched> {
  const { port, chance, onCut } = deps
  const events: StreamEvent[] = []
  const lines: Line[] = []
  const places = placesOf(deps)
  let cuts = 0
  try {
    for (;;) {
      const line = await openLine(port)
      lines.push(line)
      const isCut = await readUntilCut(ask(line, events, deps), {
        events,
        until: places[cuts] ?? Number.POSITIVE_INFINITY,
        cut: () => {
          line.cut(chance.oneOf(WAYS))
          onCut(responseIdOf(events))
        },
      })
      if (!isCut) return { events, text: textOf(events), cuts }
      cuts += 1
    }
  } finally {
    for (const line of lines) line.close()
  }
}

/** The numbers of the events at which to cut, all different and in order. */
function placesOf({ chance, cuts, cutsUntil }: CutDeps): readonly number[] {
  const places = new Set<number>()
  while (places.size < Math.min(cuts, cutsUntil)) places.add(1 + chance.below(cutsUntil))
  return [...places].sort((a, b) => a - b)
}

function responseIdOf([first]: readonly StreamEvent[]): string {
  if (first?.event.case !== 'started') throw new Error(`the stream began with ${first?.event.case}`)
  return first.event.value.responseId
}

/** Asks for the stream, or for what follows the events that were seen. */
function ask(
  line: Line,
  events: readonly StreamEvent[],
  { chance, question, requestId }: CutDeps,
): AsyncIterable<StreamEvent> {
  const speech = speeches[chance.below(speeches.length)]
  if (speech === undefined) throw new Error('there is no way to speak')
  const client = chatClient(speech, line.url)
  if (events.length === 0) return client.streamComplete(question, { headers: { 'x-request-id': requestId } })
  return client.resumeStream({ responseId: responseIdOf(events), afterSequence: events.length })
}

/** Reads to the end, or until there are so many events and the line is cut. Says whether it was. */
async function readUntilCut(
  stream: AsyncIterable<StreamEvent>,
  { events, until, cut }: { events: StreamEvent[]; until: number; cut: () => void },
): Promise<boolean> {
  try {
    for await (const event of stream) {
      if (event.sequence === 0) continue
      events.push(event)
      if (events.length < until) continue
      cut()
      return true
    }
    return false
  } catch (error) {
    // What the client's library says of the cut.
    if (events.length >= until) return true
    throw error
  }
}

function textOf(events: readonly StreamEvent[]): string {
  return events.map(({ event }) => (event.case === 'textDelta' ? event.value.text : '')).join('')
}
