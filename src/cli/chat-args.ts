// The arguments of `exai chat`.
import { parseArgs } from 'node:util'
import { GatewayError } from '../core/errors.ts'

/** What the command was told. */
export interface ChatArgs {
  /** The question, as far as it stands on the command line. Empty: it stands elsewhere. */
  readonly question: string
  /** Whether a `-` asks for standard input, too. */
  readonly takesInput: boolean
  readonly model: string
  readonly system: string | undefined
  readonly maxOutputTokens: number | undefined
  /** Paths of the files to upload. */
  readonly files: readonly string[]
  /** `new`, or the id of the conversation to go on with. */
  readonly conversation: string | undefined
  readonly isJson: boolean
  readonly showsReasoning: boolean
  /** Credential for the service. Absent: `EXAI_API_KEY`. */
  readonly credential: string | undefined
}

/** What `exai chat --help` says. */
export const CHAT_USAGE = `usage:
  exai chat "QUESTION"       prints the answer as it comes
  … | exai chat              the same with the question from standard input
  … | exai chat "QUESTION" - the question, and after it what comes from standard input
  exai chat                  a conversation, on a terminal: /help tells its commands

  --model NAME               a model, provider/model, an alias or auto [auto]
  --system TEXT              standing instructions for the model
  --max-output-tokens N      the longest answer, reasoning included
  --file PATH                gives the model a file; may stand several times
  --conversation ID          goes on with a kept conversation; new begins one
  --reasoning                shows what the model thinks, on standard error
  --json                     prints each event of the stream as one line of JSON
  --key CREDENTIAL           an API key or a token with the scope chat, and for --file the scope files [EXAI_API_KEY]

It asks the service at HOST and PORT. The exit code is 1 when the answer did not come to its end.
A file of a question without --conversation is deleted after an hour.
`

const text = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const
const TOKENS_MAX = 2 ** 31 - 1

/** Reads the arguments after `chat`. Throws INVALID_REQUEST, or an error of Node for an unknown option, for people to read. */
export function chatArgs(args: readonly string[]): ChatArgs | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      model: { type: 'string', short: 'm', default: 'auto' },
      system: { type: 'string', short: 's' },
      'max-output-tokens': text,
      file: { type: 'string', short: 'f', multiple: true },
      conversation: text,
      reasoning: flag,
      json: flag,
      key: text,
      token: text,
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const tokens = values['max-output-tokens']
  if (tokens !== undefined && !(/^[1-9]\d{0,9}$/.test(tokens) && Number(tokens) <= TOKENS_MAX))
    throw new GatewayError('INVALID_REQUEST', '--max-output-tokens must be a whole number above 0')
  return {
    question: positionals.filter(word => word !== '-').join(' '),
    takesInput: positionals.includes('-'),
    model: values.model,
    system: values.system,
    maxOutputTokens: tokens === undefined ? undefined : Number(tokens),
    files: values.file ?? [],
    conversation: values.conversation,
    isJson: values.json,
    showsReasoning: values.reasoning,
    credential: values.key ?? values.token,
  }
}
