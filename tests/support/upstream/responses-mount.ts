// What an endpoint beside Chat Completions gives to the OpenAI double that mounts it.
import type { AnswerChange } from './answer.ts'
import type { Reply } from './reply.ts'
import type { UpstreamRequest } from './wire.ts'

/** What an endpoint makes of a request: a reply that nothing changes, or one that scripts and faults may change. */
export type Mounted =
  | { readonly final: Reply }
  | {
      readonly stream: boolean
      readonly lastUserText: string
      readonly reply: (change: AnswerChange) => Reply
    }

/** Answers for the paths that are mounted; undefined for others. */
export type Mount = (request: UpstreamRequest, path: string) => Mounted | undefined
