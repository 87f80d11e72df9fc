// The first calls of the README, taken out of it and run as they stand, but for the port.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Service, startService } from '../support/running-server.ts'
import { root, tool } from '../support/tools.ts'

const run = promisify(execFile)
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const SANDBOX = /the exai sandbox, which is not a model/
const MINUTE = 60_000

/** The code of that language right after a line that begins with these words. */
function snippet(after: string, language: string): string {
  const from = readme.indexOf(after)
  const open = `\`\`\`${language}\n`
  const start = readme.indexOf(open, from)
  if (from < 0 || start < 0) throw new Error(`the README has no ${language} after "${after}"`)
  return readme.slice(start + open.length, readme.indexOf('```', start + open.length))
}

describe('the README', () => {
  let service: Service
  let folder: string
  beforeAll(async () => {
    service = await startService()
    // Within the package: there its own name is what an installed one has.
    await mkdir(join(root, 'build'), { recursive: true })
    folder = await mkdtemp(join(root, 'build/readme-'))
  })
  afterAll(async () => {
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const here = (code: string): string => code.replaceAll('127.0.0.1:8080', `127.0.0.1:${service.port}`)
  async function written(name: string, code: string): Promise<string> {
    const path = join(folder, name)
    await writeFile(path, here(code))
    return path
  }
  const shell = (code: string) => run('sh', ['-euc', here(code)], { cwd: root, timeout: MINUTE })
  const node = (path: string) => run(process.execPath, [path], { cwd: root, timeout: MINUTE })

  it.skipIf(tool('curl') === undefined)('asks with curl', async () => {
    const { stdout } = await shell(snippet('**curl**', 'sh'))
    expect(JSON.parse(stdout)).toMatchObject({ finishReason: 'FINISH_REASON_STOP' })
    expect(stdout).toMatch(SANDBOX)
  })

  const grpcurl = tool('grpcurl')
  it.skipIf(grpcurl === undefined)('asks with grpcurl', async () => {
    const { stdout } = await shell(snippet('**grpcurl**', 'sh').replace(/^grpcurl/, grpcurl?.path ?? ''))
    expect(stdout).toContain('"completed"')
  })

  // `npm ci` builds it; in a clone that was changed since, `npm run build` does.
  it.skipIf(!existsSync(join(root, 'dist/src/client/node.js')))(
    'asks with TypeScript',
    async () => {
      const { stdout } = await node(await written('hello.ts', snippet('**TypeScript**', 'ts')))
      expect(stdout).toMatch(SANDBOX)
    },
    MINUTE,
  )

  it(
    'asks with the package of OpenAI',
    async () => {
      const { stdout } = await node(await written('openai.ts', snippet('## What you have already', 'ts')))
      expect(stdout).toMatch(SANDBOX)
    },
    MINUTE,
  )

  const go = tool('go')
  it.skipIf(go === undefined)(
    'asks with Go',
    async () => {
      const program = `package main
import ("fmt"; "io"; "log"; "net/http"; "strings")
func main() {
${snippet('**Go**', 'go')}
if err != nil { log.Fatal(err) }
text, err := io.ReadAll(answer.Body)
fmt.Println(string(text), err)
}
`
      const path = await written('hello.go', program)
      const { stdout } = await run(go?.path ?? '', ['run', path], { cwd: folder, timeout: 2 * MINUTE })
      expect(stdout).toMatch(SANDBOX)
    },
    2 * MINUTE,
  )

  const python = tool('python-grpc')
  it.skipIf(python === undefined)(
    'asks with Python',
    async () => {
      const path = await written('hello.py', snippet('**Python**', 'python'))
      const env = {
        PATH: process.env['PATH'],
        PYTHONPATH: join(root, 'gen/python'),
        PYTHONDONTWRITEBYTECODE: '1',
      }
      const { stdout } = await run(python?.path ?? '', [path], { env, timeout: MINUTE })
      expect(stdout).toMatch(SANDBOX)
    },
    MINUTE,
  )

  it(
    'asks with what browsers have',
    async () => {
      const code = `${snippet('**Browser**', 'js')}\nconsole.log(JSON.stringify(await answer.json()))`
      const { stdout } = await node(await written('browser.mjs', code))
      expect(stdout).toMatch(SANDBOX)
    },
    MINUTE,
  )

  it('links to pages that are there', () => {
    const links = [...readme.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, path]) => path ?? '')
    expect(links.length).toBeGreaterThan(15)
    expect(links.filter(path => !existsSync(join(root, path)))).toEqual([])
  })
})
