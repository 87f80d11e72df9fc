// Puts a provider of a scenario on stage: its double with its script, and its entry in the config file of the service.
import { type DeafHost, startDeafHost } from '../support/upstream/deaf.ts'
import { startGlm } from '../support/upstream/glm.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startMiniMax } from '../support/upstream/minimax.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import type { Key, Play, ProviderName, Told } from './scenario.ts'
import { models, scripted, told } from './told.ts'

/** Somebody on stage. */
export interface Player {
  readonly provider: ProviderName
  /** Id of the provider in the service. */
  readonly id: string
  /** The name under which a call asks for it. */
  readonly model: string
  readonly told: Told
  /** Its entry in the config file. */
  readonly entry: Readonly<Record<string, unknown>>
  /** Chats that reached it. */
  reached(): number
  /** Bytes of answers that it has sent. */
  bytesSent(): number
  /** Chats that it has neither ended nor seen ended. */
  running(): number
  openSockets(): number
  endIdleConnections(): void
  close(): Promise<void>
}

/** Nobody listens at these. */
const NOBODY = 'http://127.0.0.1:1'
const ELSEWHERE = 'http://127.0.0.1:2'
const CHAT = '/chat/completions'

const doubles = {
  openai: startUpstream,
  glm: startGlm,
  kimi: startKimi,
  minimax: startMiniMax,
} as const

/** Who is put on stage, and under which id. */
export interface Casting {
  readonly id: string
  readonly provider: ProviderName
  readonly play: Play
  readonly window: number
  /** Base URL of a host that never takes a connection. */
  readonly busyUrl: string
}

/** Starts one. The caller closes it. */
export async function startPlayer({ id, provider, play, window, busyUrl }: Casting): Promise<Player> {
  const keys = play.keys ?? [{ state: 'good' }]
  const deaf = play.place === 'deaf' ? await startDeafHost() : undefined
  const double =
    play.place === undefined
      ? await doubles[provider]({ apiKeys: keys.map(secretOf).filter(isGood) })
      : undefined
  const says = told[provider]
  const turns = typeof play.turns === 'function' ? play.turns(says) : (play.turns ?? [{}])
  for (const [index, turn] of turns.entries()) {
    const times = turn.times ?? (index === turns.length - 1 ? Number.POSITIVE_INFINITY : 1)
    double?.next({ ...scripted(turn, says), times })
  }
  const url = double?.url ?? deaf?.url ?? (play.place === 'busy' ? busyUrl : NOBODY)
  const model = models[provider]
  return {
    provider,
    id,
    model: `${id}/${model}`,
    told: says,
    entry: {
      name: id,
      kind: provider,
      base_url: url,
      open_ended: false,
      keys: keys.map((key, index) => ({
        api_key: secretOf(key, index),
        ...(key.state === 'dead' ? { base_url: key.place === 'elsewhere' ? ELSEWHERE : NOBODY } : {}),
        ...(key.account === undefined ? {} : { account: key.account }),
      })),
      models: [
        {
          id: model,
          context_window: play.window ?? window,
          input_price: says.inputPrice,
          output_price: says.outputPrice,
          tools: true,
          vision: false,
          structured_output: 'none',
          reasoning: 'none',
        },
      ],
    },
    ...watching(double, deaf),
    async close() {
      await double?.close()
      await deaf?.close()
    },
  }
}

const isGood = (secret: string): boolean => secret.startsWith('good')

// The double takes only good ones.
const secretOf = ({ state }: Key, index: number): string =>
  `${state === 'refused' ? 'refused' : 'good'}-key-${index + 1}`

function watching(double: Upstream | undefined, deaf: DeafHost | undefined) {
  const chats = () => (double?.requests ?? []).filter(({ path }) => path.split('?')[0]?.endsWith(CHAT))
  return {
    reached: () => chats().length + (deaf?.asked() ?? 0),
    bytesSent: () => chats().reduce((sum, { bytesSent }) => sum + bytesSent, 0) + (deaf?.asked() ?? 0),
    running: () =>
      chats().filter(each => each.endedAtMs === undefined && each.closedByClientAtMs === undefined).length +
      (deaf?.openSockets() ?? 0),
    openSockets: () => (double?.openSockets() ?? 0) + (deaf?.openSockets() ?? 0),
    endIdleConnections: () => double?.closeIdleSockets(),
  }
}
