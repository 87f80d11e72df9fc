// What every door is asked with and what it answers, in nobody's words: the adapters beside this file translate.

/** Any JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** A call of a tool. */
export type Call = { readonly id: string; readonly name: string; readonly arguments: string }

/** A question. What is absent is not said. */
export type Question = {
  readonly text: string
  /** Default: a model of the double that only answers. */
  readonly model?: string
  readonly system?: string
  readonly tools?: readonly { readonly name: string; readonly parameters: Json }[]
  /** Follows the text: the call that the model made, and what came of it. */
  readonly result?: { readonly call: Call; readonly text: string }
  /** A JSON Schema for the answer. */
  readonly schema?: Json
  /** Wants to see what the model thinks. */
  readonly thoughts?: true
  /** A PNG in base64. */
  readonly image?: string
  readonly fileId?: string
  readonly stop?: string
  readonly maxTokens?: number
  readonly key?: string
  readonly conversation?: string
  /** The seconds that the call goes on without its client. */
  readonly resumeSeconds?: number
  readonly stream?: true
  /** Aborted: the client leaves. */
  readonly signal?: AbortSignal
  /** Hears of each piece of text, with the id of the answer as far as it is known. */
  readonly onPiece?: (id: string) => void
  /** Hears of each sign of life. */
  readonly onHeartbeat?: () => void
}

/** What came of it. */
export type Answer = {
  readonly id: string
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly Call[]
  readonly finish: 'stop' | 'length' | 'tool_calls' | ''
  /** Input with what was cached, and output with reasoning. */
  readonly tokens: readonly [input: number, output: number] | undefined
  /** Billionths of a dollar; undefined when it is not known. */
  readonly nanoUsd: string | undefined
  readonly conversation: string
  readonly isReplayed: boolean
  /** How many pieces of text came before the end. */
  readonly pieces: number
  /** Whether the door's own sign of success was seen. */
  readonly isDone: boolean
  /** The reason of the error, as the contract writes it. */
  readonly error: string | undefined
  /** After how many milliseconds the client may come back, as the error says. */
  readonly retryMs: number | undefined
}

/** Nothing has come yet. */
export const nothing: Answer = {
  id: '',
  text: '',
  reasoning: '',
  calls: [],
  finish: '',
  tokens: undefined,
  nanoUsd: undefined,
  conversation: '',
  isReplayed: false,
  pieces: 0,
  isDone: false,
  error: undefined,
  retryMs: undefined,
}

/** Where a service is, and with which credential it is asked. */
export type Target = { readonly url: string; readonly credential?: string }

/** What a door has for those who ask; what it has not is absent. */
export type Asked = {
  /** Asks, and resolves with what came of it, an error too. Rejects when the client left. */
  readonly ask: (question: Question) => Promise<Answer>
  /** Goes on with a stream that was left, from its beginning. */
  readonly resume?: (id: string) => Promise<Answer>
  readonly embed?: (model: string, inputs: readonly string[]) => Promise<readonly (readonly number[])[]>
  /** The models, as `provider/id`. */
  readonly models?: () => Promise<readonly string[]>
  /** Stores a text, and gives the id of the file. */
  readonly upload?: (filename: string, text: string) => Promise<string>
  readonly download?: (id: string) => Promise<string>
  readonly countTokens?: (question: Question) => Promise<number>
  /** How many calls were made so far. */
  readonly usedCalls?: () => Promise<number>
  /** Begins to watch, and resolves with the providers that the first state names. */
  readonly watchStatus?: () => Promise<readonly string[]>
  /** Watches while this is done, again and again until it is seen, and resolves with the reason of the first call that failed. */
  readonly watchFailure?: (fail: () => Promise<unknown>) => Promise<string>
}

/** A door. */
export type Door = { readonly name: string; readonly to: (target: Target) => Asked }

/** Text for the field of a header. */
export const bearer = (credential: string | undefined): Readonly<Record<string, string>> =>
  credential === undefined ? {} : { authorization: `Bearer ${credential}` }

/** An object out of JSON; an empty one when it is something else. */
export function objectIn(value: unknown, ...path: readonly (string | number)[]): Json {
  const found = valueIn(value, ...path)
  return typeof found === 'object' && found !== null ? { ...found } : {}
}

/** A value out of JSON; undefined when the path leads nowhere. */
export function valueIn(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (each, name) => (typeof each === 'object' && each !== null ? Reflect.get(each, name) : undefined),
    value,
  )
}

/** A text out of JSON; empty when there is none. */
export function textIn(value: unknown, ...path: readonly (string | number)[]): string {
  const found = valueIn(value, ...path)
  return typeof found === 'string' ? found : ''
}

/** A list out of JSON; empty when there is none. */
export function listIn(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = valueIn(value, ...path)
  return Array.isArray(found) ? found : []
}

/** Does something until it was seen: a watch does not say when it has begun. */
export async function untilSeen(seen: Promise<string>, act: () => Promise<unknown>): Promise<string> {
  let isSeen = false
  const found = seen.finally(() => {
    isSeen = true
  })
  while (!isSeen) {
    await act()
    await Promise.race([found, new Promise(resolve => setTimeout(resolve, 50))])
  }
  return found
}
