// The prompt of a conversation on a terminal: one entry at a time, with editing and history.
import { createInterface } from 'node:readline'
import type { ChatHost } from './chat-host.ts'

/** Reads entries. */
export interface Prompt {
  /** The next entry; what is pasted at once is one. Undefined: whoever types has left with Ctrl-C or Ctrl-D. */
  read(): Promise<string | undefined>
}

const PROMPT = '> '
const HISTORY_LINES = 500

/** A prompt that holds the terminal only while it waits: in between, Ctrl-C is a signal again. */
export function createPrompt({ stdin, stdout }: Pick<ChatHost, 'stdin' | 'stdout'>): Prompt {
  let history: string[] = []
  return {
    read: () =>
      new Promise(resolve => {
        const line = createInterface({
          input: stdin,
          output: stdout,
          prompt: PROMPT,
          history,
          historySize: HISTORY_LINES,
        })
        const lines: string[] = []
        line.on('history', kept => {
          history = [...kept]
        })
        line.on('line', text => {
          lines.push(text)
          // All lines of a paste are told before anything else happens; the last one waits for its end.
          setImmediate(() => {
            if (line.line === '') line.close()
          })
        })
        line.once('SIGINT', () => {
          lines.length = 0
          line.close()
        })
        line.once('close', () => resolve(lines.length === 0 ? undefined : lines.join('\n')))
        line.prompt()
      }),
  }
}
