// The clients of the chaos that chat: they ask again with the same key, whatever happens, until they know what became of it.
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError, createClient, type Transport } from '@connectrpc/connect'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { isPassing, isUnknown, RETRY_MS } from './chaos-calls.ts'
import { question } from './clients.ts'

/** An answer that a client has got. */
export interface AcknowledgedAnswer {
  readonly responseId: string
  /** Empty: it was kept in no conversation. */
  readonly conversationId: string
  readonly isReplayed: boolean
}

/** Clients that chat. */
export interface ChatLoad {
  readonly answers: readonly AcknowledgedAnswer[]
  /** Keys whose outcome nobody knows. */
  unknown(): number
  /** Lets each client bring its call to an end. Rejects with what no client should ever be told. */
  stop(): Promise<void>
}

const CLIENTS = 8
/** Milliseconds that a client waits after an answer. */
const PAUSE_MS = 20
/** Turns of a conversation before a client begins another one. */
const TURNS = 5
const MODEL = 'openai/test-model'

/** Starts them; `beginning` is the conversation that each begins with, and empty for none. */
export function startChats(transport: () => Transport, beginning: 'new' | ''): ChatLoad {
  const answers: AcknowledgedAnswer[] = []
  let unknown = 0
  let isOver = false

  /** Gives the answer to a key; undefined when nobody knows it. */
  async function answerTo(key: string, conversationId: string): Promise<AcknowledgedAnswer | undefined> {
    for (;;) {
      try {
        const answer = await createClient(ChatService, transport()).complete(
          question(MODEL, `${key} say hello`, { idempotencyKey: key, conversationId }),
          { timeoutMs: 10_000 },
        )
        return {
          responseId: answer.id,
          conversationId: answer.conversationId,
          isReplayed: answer.replayed,
        }
      } catch (caught) {
        const error = ConnectError.from(caught)
        if (isUnknown(error)) return undefined
        if (!isPassing(error)) throw new Error(`${key}: ${error.message}`, { cause: caught })
        await sleep(RETRY_MS)
      }
    }
  }

  async function run(number: number): Promise<void> {
    let conversationId: string = beginning
    for (let call = 0; !isOver; call += 1) {
      if (call % TURNS === 0) conversationId = beginning
      const answer = await answerTo(`key-${number}-${call}`, conversationId)
      if (answer === undefined) unknown += 1
      else {
        answers.push(answer)
        if (answer.conversationId !== '') conversationId = answer.conversationId
      }
      await sleep(PAUSE_MS)
    }
  }

  const runs = Promise.all(Array.from({ length: CLIENTS }, (_, number) => run(number)))
  // Told at the end; until then nobody listens.
  runs.catch(() => undefined)
  return {
    answers,
    unknown: () => unknown,
    async stop() {
      isOver = true
      await runs
    },
  }
}
