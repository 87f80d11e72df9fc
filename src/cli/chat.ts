// `exai chat`: asks a model through the running service; one question, or a conversation on a terminal.

import { createJsonWriter, createTextWriter, cutNote } from './chat-answer.ts'
import { CHAT_USAGE, type ChatArgs, chatArgs } from './chat-args.ts'
import { converse } from './chat-conversation.ts'
import { type ChatHost, createOutput, inputOf, type Output } from './chat-host.ts'
import { askQuestion } from './chat-turn.ts'
import type { ServiceTarget } from './client.ts'
import { COMMAND_EXIT, type Command, type CommandDeps } from './command.ts'
import { safeLine } from './terminal-text.ts'

/** What a shell says of a program whose reader has left (128 and SIGPIPE). */
const EXIT_UNREAD = 141

/** The command, on the streams of a process. */
export function createChatCommand(host: ChatHost): Command {
  return async (args, deps) => {
    const { config, print, complain } = deps
    let wish: ChatArgs | 'help'
    try {
      wish = chatArgs(args)
    } catch (error) {
      complain(`exai: ${messageOf(error)}; exai chat --help shows how`)
      return COMMAND_EXIT.usage
    }
    if (wish === 'help') {
      print(CHAT_USAGE)
      return COMMAND_EXIT.ok
    }
    const output = createOutput(host.stdout)
    // Lines for people are not worth an end of their own.
    createOutput(host.stderr)
    const target = { ...config.listen, credential: wish.credential ?? config.apiKey }
    const isTalk = wish.question === '' && !wish.takesInput && !wish.isJson
    if (isTalk && host.stdin.isTTY && host.stdout.isTTY)
      return converse(wish, { host, output, target, clock: deps.clock, complain })
    return answerOnce(wish, { ...deps, host, output, target })
  }
}

interface OnceDeps extends CommandDeps {
  readonly host: ChatHost
  readonly output: Output
  readonly target: ServiceTarget
}

async function answerOnce(wish: ChatArgs, deps: OnceDeps): Promise<number> {
  const { host, output, target, clock, complain } = deps
  let text: string
  try {
    text = await questionOf(wish, host.stdin)
  } catch (error) {
    complain(`exai: ${messageOf(error)}`)
    return COMMAND_EXIT.failed
  }
  if (text.trim() === '') {
    complain('exai: there is no question: give one, or pipe one in; exai chat --help shows how')
    return COMMAND_EXIT.usage
  }
  const note = (line: string): void => complain(`exai: ${line}`)
  const writer = wish.isJson
    ? createJsonWriter({ output })
    : createTextWriter({
        output,
        isTerminal: host.stdout.isTTY,
        think: wish.showsReasoning ? thought => void host.stderr.write(thought) : undefined,
        note,
      })
  const end = await askQuestion(
    { ...wish, text, conversation: wish.conversation ?? '' },
    { target, clock, hear: writer.hear },
  )
  const isWhole = end.type === 'completed'
  // What is cut off stays as it came, but a terminal wants its lines apart.
  if (isWhole || host.stdout.isTTY) await writer.endLine()
  if (output.failure() !== undefined) return unwritten(output, complain)
  if (end.type === 'failed') note(end.line)
  if (!isWhole) return COMMAND_EXIT.failed
  const cut = cutNote(end.response)
  if (cut !== undefined) note(cut)
  if (wish.conversation === 'new') note(`conversation ${safeLine(end.response.conversationId)}`)
  return COMMAND_EXIT.ok
}

async function questionOf({ question, takesInput }: ChatArgs, stdin: ChatHost['stdin']): Promise<string> {
  if (question !== '' && !takesInput) return question
  // Whoever types or echoes a question ends it with a line break.
  const input = (await inputOf(stdin)).trimEnd()
  return question === '' ? input : `${question}\n\n${input}`
}

function unwritten(output: Output, complain: (line: string) => void): number {
  const failure = output.failure()
  if (failure?.code === 'EPIPE') return EXIT_UNREAD
  complain(`exai: the answer cannot be written: ${failure?.message}`)
  return COMMAND_EXIT.failed
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
