// Bundles the service into dist/bundle: what a start needs in a few files, because finding and linking nine hundred modules takes
// Node longer than all else that a start does.
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from './step.ts'

/** Where the bundled service is, from the folder that holds dist/'s other files. */
export const BUNDLE_FOLDER = 'bundle'

/**
 * Packages that no start needs: they stay files of their own in node_modules and are found there, once somebody asks for what they do.
 * All others become part of the bundle, in the version that the lock file pins.
 */
const FOUND_LATER = [
  '@modelcontextprotocol/*',
  '@supabase/*',
  'gpt-tokenizer/*',
  'ioredis',
  'jose',
  'rotating-file-stream',
  'unpdf/*',
]

/** Makes the bundle from src/ below a folder such as dist. Throws what esbuild says when an import leads nowhere. */
export function bundle(dist: string): void {
  buildSync({
    absWorkingDir: root,
    // The threads look for their files beside the file that starts them, by the names that these have in src/.
    entryPoints: {
      main: 'src/main.ts',
      worker: 'src/stores/sqlite/worker.ts',
      'pdf-worker': 'src/files/pdf-worker.ts',
    },
    outdir: join(dist, BUNDLE_FOLDER),
    bundle: true,
    // What is imported when it is asked for stays a file of its own.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'esnext',
    external: FOUND_LATER,
    // Packages of the older kind ask for Node's own modules with require, which a module of the newer kind has to make.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    legalComments: 'inline',
    logLevel: 'warning',
  })
}
