// Bundles the page of web/ into web/dist: one script and one style sheet with hashed names, each also as gzip.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { buildSync } from 'esbuild'
import { root, StepError } from './step.ts'

/** Where the bundled page is, from the repository's root. */
export const PAGE_FOLDER = 'web/dist'

/** The most that the whole page may weigh, in gzipped bytes. */
export const PAGE_GZIP_BYTES_MAX = 150_000

/** Makes web/dist anew from web/. Throws StepError when it has become too heavy, or holds what only a server needs. */
export function buildPage(): void {
  const folder = join(root, PAGE_FOLDER)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'assets'), { recursive: true })
  const { metafile, outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: { page: 'web/src/main.tsx' },
    outdir: join(folder, 'assets'),
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome120', 'firefox121', 'safari17'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    tsconfig: 'web/tsconfig.json',
    legalComments: 'none',
    metafile: true,
    write: false,
  })
  refuseServerCode(Object.keys(metafile.inputs))
  const assets = outputFiles.map(({ path, contents }) => ({ name: basename(path), bytes: contents }))
  const named = (ending: string): string => {
    const asset = assets.find(({ name }) => name.endsWith(ending))
    if (asset === undefined) throw new StepError(`the page has no ${ending} file: look at web/src/main.tsx`)
    return `/assets/${asset.name}`
  }
  const index = readFileSync(join(root, 'web/index.html'), 'utf8')
    .replace('PAGE_SCRIPT', named('.js'))
    .replace('PAGE_STYLE', named('.css'))
  const files = [
    ...assets.map(({ name, bytes }) => ({ path: join('assets', name), bytes })),
    { path: 'index.html', bytes: Buffer.from(index) },
  ]
  const sizes = files.map(({ path, bytes }) => writeBoth(join(folder, path), bytes))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total > PAGE_GZIP_BYTES_MAX)
    throw new StepError(`the page has ${total} gzipped bytes, more than ${PAGE_GZIP_BYTES_MAX}`)
}

/** Writes a file and its gzip beside it; gives the size of the latter. */
function writeBoth(path: string, bytes: Uint8Array): number {
  const packed = gzipSync(bytes, { level: 9 })
  writeFileSync(path, bytes)
  writeFileSync(`${path}.gz`, packed)
  return packed.length
}

// Of the project's own code a browser needs the generated client, its preset, and nothing that knows a store or a provider.
const browserCode =
  /^(?:web|gen\/ts\/exai|src\/client|src\/core(?=\/errors\.ts$)|node_modules\/(?:preact|@preact|uplot|@connectrpc\/connect|@connectrpc\/connect-web|@bufbuild\/protobuf))\//

function refuseServerCode(inputs: readonly string[]): void {
  const foreign = inputs.filter(input => !browserCode.test(input))
  if (foreign.length > 0)
    throw new StepError(`the page bundles what is not for a browser: ${foreign.join(', ')}`)
}
