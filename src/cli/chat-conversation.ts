// A conversation on a terminal: question after question, each with a line about its answer.
import type { Clock } from '../core/clock.ts'
import { addressOf } from './address.ts'
import { answerLine, createTextWriter, cutNote } from './chat-answer.ts'
import type { ChatArgs } from './chat-args.ts'
import type { ChatHost, Output } from './chat-host.ts'
import { createPrompt } from './chat-prompt.ts'
import { askQuestion, type TurnEnd } from './chat-turn.ts'
import type { ServiceTarget } from './client.ts'
import { COMMAND_EXIT } from './command.ts'
import { safeLine } from './terminal-text.ts'

/** The surroundings of a conversation. */
export interface ConversationDeps {
  readonly host: ChatHost
  readonly output: Output
  readonly target: ServiceTarget
  readonly clock: Pick<Clock, 'monotonic'>
  readonly complain: (line: string) => void
}

const COMMANDS = `/model NAME  asks another model from now on; /model alone tells which
/new         begins a new conversation
/help        tells this
/exit        leaves, as Ctrl-D does

Ctrl-C ends an answer.
`

/** What the next question goes by. */
interface Talk {
  readonly model: string
  /** `new`, or an id. */
  readonly conversation: string
  /** Standing instructions that the conversation has not got yet. */
  readonly system: string | undefined
  /** Files that the next question brings along. */
  readonly files: readonly string[]
}

/** Talks until whoever types leaves; gives the exit code. */
export async function converse(wish: ChatArgs, deps: ConversationDeps): Promise<number> {
  const { host, output, target } = deps
  const dim = host.stdout.hasColors()
    ? (line: string) => `\u001b[2m${line}\u001b[22m`
    : (line: string) => line
  const tell = (line: string): Promise<boolean> => output.write(`${dim(line)}\n`)
  const prompt = createPrompt(host)
  let talk: Talk = { ...wish, conversation: wish.conversation ?? 'new' }
  await tell(`${safeLine(talk.model)} at ${addressOf(target)}; /help tells the commands, Ctrl-D leaves`)
  while (output.failure() === undefined) {
    const entry = (await prompt.read())?.trim()
    // The cursor still stands behind the prompt.
    if (entry === undefined) await output.write('\n')
    if (entry === undefined || entry === '/exit') break
    if (entry === '') continue
    const [, command, argument = ''] = /^\/([a-z]+)(?: +(.*))?$/.exec(entry) ?? []
    if (command !== undefined) {
      const obeyed = obey(command, argument, talk, wish)
      talk = obeyed.talk
      await tell(obeyed.line)
      continue
    }
    const end = await turn(entry, talk, wish, deps)
    if (end.type !== 'completed') {
      if (end.type === 'failed') deps.complain(`exai: ${end.line}`)
      else await tell('ended')
      continue
    }
    const cut = cutNote(end.response)
    if (cut !== undefined) await tell(cut)
    await tell(answerLine(end.response, end.firstTokenMs))
    const conversation = end.response.conversationId || talk.conversation
    talk = { ...talk, conversation, system: undefined, files: [] }
  }
  if (talk.conversation !== 'new')
    await tell(`exai chat --conversation ${safeLine(talk.conversation)} goes on with it`)
  return COMMAND_EXIT.ok
}

function obey(
  command: string,
  argument: string,
  talk: Talk,
  { system }: ChatArgs,
): { readonly talk: Talk; readonly line: string } {
  switch (command) {
    case 'help':
      return { talk, line: COMMANDS.trimEnd() }
    case 'model':
      if (argument === '') return { talk, line: safeLine(talk.model) }
      return { talk: { ...talk, model: argument }, line: `${safeLine(argument)} answers from now on` }
    case 'new':
      return { talk: { ...talk, conversation: 'new', system }, line: 'a new conversation' }
    default:
      return { talk, line: `there is no /${command}: /help tells the commands` }
  }
}

/** One question; Ctrl-C ends its answer. */
async function turn(
  text: string,
  talk: Talk,
  { maxOutputTokens, showsReasoning }: ChatArgs,
  { host, output, target, clock, complain }: ConversationDeps,
): Promise<TurnEnd> {
  const leaving = new AbortController()
  const onInterrupt = (): void => leaving.abort()
  host.on('SIGINT', onInterrupt)
  const writer = createTextWriter({
    output,
    isTerminal: true,
    think: showsReasoning ? thought => void host.stderr.write(thought) : undefined,
    note: line => complain(`exai: ${line}`),
  })
  try {
    const question = { ...talk, text, maxOutputTokens }
    return await askQuestion(question, { target, clock, hear: writer.hear, signal: leaving.signal })
  } finally {
    await writer.endLine()
    host.off('SIGINT', onInterrupt)
  }
}
