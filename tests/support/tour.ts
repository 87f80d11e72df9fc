// Runs the tours of the clients in other languages against a service that asks for credentials, and looks at its log.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from './program.ts'
import { runCommand, type Service, startService } from './running-server.ts'
import { root } from './tools.ts'
import { startUpstream } from './upstream/openai.ts'

/** What every tour does, in its order. */
export const TOUR = ['chat', 'stream', 'resume', 'tools', 'files', 'watch', 'errors', 'deadline', 'cancel']

const SECRET = 'a secret of the tours, of more than 32 bytes'

/** A service, and the environment in which a tour finds it and may call it. */
export type Toured = {
  readonly service: Service
  readonly env: Readonly<Record<string, string>>
}

/** Starts a service that takes JWTs, with the sandbox alone. The caller stops it. */
export async function startToured(): Promise<Toured> {
  const service = await startService({ JWT_SECRET: SECRET })
  const scopes = ['--scope', 'chat,files,monitoring']
  const env = { JWT_SECRET: SECRET }
  const { stdout } = await runCommand(['token', 'create', '--sub', 'tour', ...scopes, '--json'], { env })
  const { token }: { token: string } = JSON.parse(stdout)
  return { service, env: { EXAI_URL: service.url, EXAI_API_KEY: token } }
}

/** Starts a service that asks nobody who it is, in front of a double of OpenAI's. */
export async function startBehindDouble(): Promise<{ readonly service: Service; stop(): Promise<void> }> {
  const upstream = await startUpstream()
  const service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
  return {
    service,
    stop: async () => {
      await service.stop()
      await upstream.close()
    },
  }
}

/** Runs one program of a tour; gives the names of the steps that it took. Rejects with how it ended and all that it wrote when it failed. */
export async function stepsOf(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { stdout } = await runProgram(program, args, { env })
  return [...stdout.matchAll(/^ok (.*)$/gm)].map(([, step = '']) => step)
}

/** How the calls of a tour over one protocol ended, by the service's own log: one entry for each ending that is not OK. */
export function endingsOf({ log }: Service, protocol: string): readonly string[] {
  const calls = log().filter(line => line['msg'] === 'call' && line['protocol'] === protocol)
  return [...new Set(calls.map(({ code }) => String(code)))].filter(code => code !== 'OK').sort()
}

/** The programs of docs/clients.md in one language, each calling this service instead of the one of the text. */
export async function documentedPrograms(language: string, { port }: Service): Promise<readonly string[]> {
  const text = await readFile(join(root, 'docs/clients.md'), 'utf8')
  const fences = text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))
  return [...fences].map(([, program = '']) => program.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`))
}
