// What a start loads, as source and as the bundle that the package holds, and that the bundle does what the source does.
import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { File_TextState as TextState } from '#gen/exai/v1/file_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { bundle } from '../../scripts/bundle.ts'
import { chatClient, question, speeches } from '../support/clients.ts'
import { page, pdf } from '../support/pdf.ts'
import { type Service, startServiceBy } from '../support/running-server.ts'
import { root } from '../support/tools.ts'

const [speech] = speeches
if (speech === undefined) throw new Error('there is no way to speak')

let folder: string
let clone: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exai-start-'))
  // Below the root, whose packages it finds as in an installed package.
  await mkdir(join(root, 'build'), { recursive: true })
  clone = await mkdtemp(join(root, 'build/start-'))
  bundle(join(clone, 'dist'))
  await writeFile(join(clone, 'dist/package.json'), '{"type":"module"}')
  await cp(join(root, 'bin'), join(clone, 'bin'), { recursive: true })
}, 60_000)
afterAll(async () => {
  for (const made of [folder, clone]) await rm(made, { recursive: true, force: true })
})

let runs = 0
const surroundings = (more: Readonly<Record<string, string>> = {}) => {
  runs += 1
  return {
    cwd: folder,
    env: { PORT: '0', WORKERS: '1', DATA_DIR: join(folder, `data-${runs}`), ...more },
  }
}
const hello = async ({ url }: Service) => {
  const { model } = await chatClient(speech, url).complete(question('sandbox', 'hello'))
  return model
}

/** What a service had loaded when it had answered its first call. */
async function loadedBy(main: string): Promise<readonly string[]> {
  const path = join(folder, 'loaded')
  const recorder = pathToFileURL(join(root, 'tests/support/loaded.ts')).href
  const service = await startServiceBy(
    process.execPath,
    ['--import', recorder, main],
    surroundings({ LOADED_FILE: path }),
  )
  expect(await hello(service)).toBe('sandbox')
  expect(await service.stop()).toBe(0)
  return (await readFile(path, 'utf8')).split('\n')
}

// The encoding is loaded some seconds after the start, and a slow machine may have come to it.
const packagesOf = (urls: readonly string[]): readonly string[] => {
  const names = urls.map(url => /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1])
  const loaded = new Set(names.filter(name => name !== undefined && name !== 'gpt-tokenizer'))
  return [...loaded].map(String).sort()
}

it('a start from the source loads nothing of what only some calls and settings need', async () => {
  const loaded = await loadedBy(join(root, 'src/main.ts'))
  const packages = packagesOf(loaded)
  expect(packages).toContain('@connectrpc/connect')
  for (const late of LATE) expect(packages).not.toContain(late)
  const own = loaded.map(url => url.slice(url.indexOf('/src/') + 1))
  expect(own).toContain('src/stores/sqlite/store.ts')
  expect(
    own.filter(path => /^src\/(?:stores\/(?:redis|supabase)|cli\/(?:chat|keys|mcp))/.test(path)),
  ).toEqual([])
})

const LATE = [
  '@modelcontextprotocol/server',
  '@opentelemetry/sdk-trace',
  '@supabase/supabase-js',
  'ioredis',
  'jose',
  'rotating-file-stream',
  'undici',
  'unpdf',
  'ws',
  'yaml',
  'zod',
]

describe('the bundle', () => {
  const main = (): string => join(clone, 'dist/bundle/main.js')

  it('starts from a few files of its own, and from no package', async () => {
    const loaded = await loadedBy(main())
    expect(packagesOf(loaded)).toEqual([])
    const files = loaded.filter(url => url.startsWith(pathToFileURL(join(clone, 'dist')).href))
    expect(files).toContain(pathToFileURL(main()).href)
    expect(files.length).toBeLessThan(60)
    // The bundler names the file that each part came from.
    const texts = await Promise.all(files.map(url => readFile(new URL(url), 'utf8')))
    expect(texts.join('')).toContain('// node_modules/@connectrpc/connect/')
    for (const late of LATE) expect(texts.join('')).not.toContain(`// node_modules/${late}/`)
  })

  it('reads a PDF in its thread', async () => {
    const service = await startServiceBy(process.execPath, [main()], surroundings())
    const files = createClient(FilesService, speech.open(service.url))
    const content = pdf([page('hello'), page('world')])
    const { file } = await files.createFile({ filename: 'a.pdf', mimeType: 'application/pdf', content })
    const fileId = file?.id ?? ''
    const state = async () => (await files.getFile({ fileId })).file?.textState
    await expect.poll(state, { timeout: 30_000 }).toBe(TextState.READY)
    expect(await service.stop()).toBe(0)
  })

  it('starts with all that is loaded by a setting', async () => {
    const config = join(folder, 'exai.yaml')
    await writeFile(config, 'log_level: debug\n')
    const service = await startServiceBy(
      process.execPath,
      [main()],
      surroundings({
        // Nothing listens there: a start needs none of them.
        SUPABASE_URL: 'http://127.0.0.1:9',
        SUPABASE_KEY: 'no-such-project',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        EXAI_CONFIG: config,
      }),
    )
    expect(await hello(service)).toBe('sandbox')
    expect(service.output()).not.toContain('is not a')
    await service.stop()
  })

  it('serves with two workers', async () => {
    const service = await startServiceBy(process.execPath, [main()], surroundings({ WORKERS: '2' }))
    expect(await hello(service)).toBe('sandbox')
    expect(await service.stop()).toBe(0)
  })
})

describe('the command', () => {
  const command = async (): Promise<string> => {
    const path = join(folder, 'loaded')
    const service = await startServiceBy(
      join(clone, 'bin/exai'),
      [],
      surroundings({
        LOADED_FILE: path,
        NODE_OPTIONS: `--import=${pathToFileURL(join(root, 'tests/support/loaded.ts')).href}`,
      }),
    )
    expect(await service.stop()).toBe(0)
    return await readFile(path, 'utf8')
  }

  it('runs the bundle where there is no source', async () => {
    expect(await command()).toContain('/dist/bundle/main.js')
  })

  it('runs the bundle as long as no source is younger than it, and the source from then on', async () => {
    for (const one of ['src', 'gen', 'package.json', 'package-lock.json']) {
      await cp(join(root, one), join(clone, one), { recursive: true })
    }
    const later = new Date(Date.now() + 60_000)
    await utimes(join(clone, 'dist/bundle/main.js'), later, later)
    expect(await command()).toContain('/dist/bundle/main.js')
    const latest = new Date(Date.now() + 120_000)
    await utimes(join(clone, 'src/core/money.ts'), latest, latest)
    expect(await command()).toContain('/src/main.ts')
  })
})
