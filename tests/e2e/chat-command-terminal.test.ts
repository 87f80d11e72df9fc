// `exai chat` on a terminal: a conversation with its commands, which Ctrl-C and text from outside cannot break.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningChat, startChatOnTerminal } from '../support/chat-command.ts'
import { type Service, startService } from '../support/running-server.ts'
import { tool } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

// Each test starts the command several times, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const script = tool('script')

let upstream: Upstream
let service: Service
beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const start = (...args: string[]) =>
  startChatOnTerminal(script?.path ?? '', ['--model', 'openai/test-model', ...args], { port: service.port })

/** Types a text at the next prompt. */
async function type(chat: RunningChat, text: string): Promise<void> {
  await chat.until('> ')
  chat.child.stdin.write(text)
}

type Body = { readonly messages: readonly { readonly content: unknown }[] }
const sent = () => {
  // The double has checked the shape of what it answers.
  const body = upstream.requests.at(-1)?.body as Body | undefined
  return body?.messages.map(({ content }) => content)
}

// The `script` of other systems takes other options.
describe.skipIf(script === undefined || process.platform !== 'linux')('a conversation', () => {
  it('goes on from answer to answer, with a line about each, until Ctrl-D', async () => {
    const chat = await start('--system', 'be brief')
    await type(chat, 'one\r')
    await chat.until('You said: one\r\n')
    await chat.until('openai/test-model · tokens ')
    await chat.until(' out · first token after 0.')
    await chat.until(' · cost unknown')
    await type(chat, 'two\r')
    await chat.until('You said: two\r\n')
    expect(sent()).toEqual(['be brief', 'one', 'You said: one', 'two'])
    await type(chat, CTRL_D)
    expect(await chat.ended).toBe(0)
    expect(chat.stdout()).toMatch(/exai chat --conversation conv_[\w-]+ goes on with it/)
  })

  it('outlives an answer that Ctrl-C ends, and ends with Ctrl-C at the prompt', async () => {
    upstream.next({ faults: ['silence-after-events=3'] })
    const chat = await start()
    await type(chat, 'never ending\r')
    await chat.until('You said:')
    chat.child.stdin.write(CTRL_C)
    await upstream.waitFor(
      ({ rawBody, closedByClientAtMs }) =>
        rawBody.includes('never ending') && closedByClientAtMs !== undefined,
    )
    await chat.until('ended')
    await type(chat, 'short\r')
    await chat.until('You said: short\r\n')
    await type(chat, CTRL_C)
    expect(await chat.ended).toBe(0)
  })

  it('shows nothing of an answer that would steer the terminal', async () => {
    upstream.next({ answer: { text: 'safe\u001b]0;title\u0007\u009b31m\r\b\u202e\ttab' } })
    const chat = await start()
    await type(chat, 'colours\r')
    await chat.until('safe]0;title31m\ttab\r\n')
    await type(chat, '/exit\r')
    expect(await chat.ended).toBe(0)
  })

  it('obeys its commands, outlives an error, and takes a paste as one question', async () => {
    const chat = await start()
    await type(chat, '/help\r')
    await chat.until('/model NAME')
    await type(chat, '/dance\r')
    await chat.until('there is no /dance')
    await type(chat, '/model openai/none\r')
    await chat.until('openai/none answers from now on')
    await type(chat, 'hello\r')
    await chat.until('exai: not_found: ')
    await type(chat, '/model openai/test-model\r')
    await type(chat, 'line one\rline two')
    chat.child.stdin.write('\r')
    await chat.until('You said: line one\r\nline two\r\n')
    await type(chat, '/new\r')
    await chat.until('a new conversation')
    await type(chat, 'fresh\r')
    await chat.until('You said: fresh\r\n')
    expect(sent()).toEqual(['fresh'])
    await type(chat, '/model\r')
    await chat.until('openai/test-model')
    await type(chat, '/exit\r')
    expect(await chat.ended).toBe(0)
  })

  it('is not begun for a question on the command line, which is answered and done', async () => {
    upstream.next({ answer: { text: 'a\u001b[31mb' } })
    const chat = await start('hello')
    expect(await chat.ended).toBe(0)
    expect(chat.stdout()).toBe('a[31mb\r\n')
  })
})
