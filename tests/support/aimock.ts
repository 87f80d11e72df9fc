// Starts aimock, a provider made by others, as a process of its own with the answers of a file.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './tools.ts'

/** A running aimock. */
export type Aimock = {
  /** With `/v1`: the base URL of a provider that speaks OpenAI's wire. */
  readonly url: string
  /** Bodies of the chat requests it got whose last message has this text, oldest first. */
  requests(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  close(): Promise<void>
}

const CLI = join(root, 'node_modules/@copilotkit/aimock/dist/cli.js')
const START_MS = 40_000

/** Starts aimock on a free port of 127.0.0.1 with a file of tests/fixtures/aimock. */
export async function startAimock(fixtures: string): Promise<Aimock> {
  const path = join(root, 'tests/fixtures/aimock', fixtures)
  const child = spawn(process.execPath, [CLI, '-p', '0', '-f', path, '--validate-on-load'], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const look = (text: string): void => {
    output += text
    const [, origin] = /listening on (http:\/\/[\d.]+:\d+)/.exec(output) ?? []
    if (origin !== undefined) resolve(origin)
  }
  child.stdout.setEncoding('utf8').on('data', look)
  child.stderr.setEncoding('utf8').on('data', look)
  const fail = (why: string): void => reject(new Error(`${why}; it wrote:\n${output}`))
  const timer = setTimeout(() => fail('aimock does not listen'), START_MS)
  const closed = new Promise<void>(done => child.once('close', () => done()))
  void closed.then(() => fail('aimock has ended'))
  const origin = await promise.finally(() => clearTimeout(timer))
  return {
    url: `${origin}/v1`,
    async requests(text) {
      const entries = await (await fetch(`${origin}/__aimock/journal`)).json()
      return bodiesWith(entries, text)
    },
    close() {
      child.kill()
      return closed
    },
  }
}

/** The journal is a list of entries with the body of each request. */
function bodiesWith(journal: unknown, text: string): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(journal)) throw new Error('the journal of aimock is no list')
  return journal
    .map(entry => entry['body'])
    .filter(body => JSON.stringify(body?.['messages']?.at(-1) ?? '').includes(text))
}
