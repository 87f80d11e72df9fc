// Reads the built page from its folder into memory: what each path answers, ready to be sent, plain and as gzip.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

/** One file of the page. */
export interface Asset {
  readonly contentType: string
  /** Names the bytes: whoever has them asks with it whether they are still the same. */
  readonly etag: string
  /** Whether the name of the file changes with its bytes, so that it may be kept for ever. */
  readonly isNamedByHash: boolean
  readonly plain: Buffer
  readonly gzip: Buffer
}

/** The page: `/` is its index, all else is found by its path. */
export type Assets = ReadonlyMap<string, Asset>

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

const INDEX = 'index.html'
const HASHED_FOLDER = 'assets'

/** Reads the folder that the build made. Undefined when the page was not built. */
export function readAssets(folder: string): Assets | undefined {
  try {
    const hashed = readdirSync(join(folder, HASHED_FOLDER))
      .filter(name => contentTypes[extname(name)] !== undefined)
      .map((name): [string, Asset] => [
        `/${HASHED_FOLDER}/${name}`,
        read(join(folder, HASHED_FOLDER, name), true),
      ])
    return new Map([['/', read(join(folder, INDEX), false)], ...hashed])
  } catch {
    return undefined // A source tree without a build has no page, and a half of one is none.
  }
}

function read(path: string, isNamedByHash: boolean): Asset {
  const plain = readFileSync(path)
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 22)
  return {
    contentType: contentTypes[extname(path)] ?? 'application/octet-stream',
    etag: `"${hash}"`,
    isNamedByHash,
    plain,
    gzip: readFileSync(`${path}.gz`),
  }
}
