// Makes sure that web/dist is what the sources say, whichever test asks first.
import { globSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildPage, PAGE_FOLDER } from '../../../scripts/page.ts'
import { root } from '../../support/tools.ts'

const LOCK = join(root, 'build/page.lock')
const LOCK_WAIT_MS = 10_000

/** Builds the page unless it is newer than everything that it is made of. Two files of tests may ask at once. */
export async function builtPage(): Promise<void> {
  const release = await lock()
  try {
    if (isStale()) buildPage()
  } finally {
    release()
  }
}

function isStale(): boolean {
  const index = timeOf(join(PAGE_FOLDER, 'index.html'))
  const sources = globSync(['web/{src,style}/**', 'web/*.{html,json}', 'src/client/*', 'scripts/page.ts'], {
    cwd: root,
  })
  return sources.some(path => timeOf(path) > index)
}

function timeOf(path: string): number {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

async function lock(): Promise<() => void> {
  mkdirSync(join(root, 'build'), { recursive: true })
  for (const startMs = Date.now(); ; ) {
    try {
      mkdirSync(LOCK)
      return () => rmdirSync(LOCK)
    } catch {
      // Somebody builds right now, or died while at it.
      if (Date.now() - startMs > LOCK_WAIT_MS) return () => undefined
      await sleep(20)
    }
  }
}
