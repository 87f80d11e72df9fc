// `node scripts/bench-peers.ts`: installs the gateways that the benchmark compares with, as their registries give them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './step.ts'

/** What became of installing one of them. */
export type Installed = {
  readonly name: string
  /** Registry, package and version. */
  readonly from: string
  /** Why it is not there. Absent: it is. */
  readonly error?: string
}

/** Where they are put; nothing of it is committed. */
export const PEERS_FOLDER = join(root, 'build/peers')

const LITELLM = 'litellm[proxy]==1.106.2'
const PORTKEY = '1.15.2'
/** The version in Portkey's own lock file: with the one that npm takes, 1.19.19, its streams end with `TypeError: immutable`. */
const HONO_NODE_SERVER = '1.13.5'
const BIFROST = 'github.com/maximhq/bifrost/transports/bifrost-http@latest'

const STEP_MS_MAX = 10 * 60_000

type Step = { readonly program: string; readonly args: readonly string[]; readonly cwd: string }

if (import.meta.main) {
  mkdirSync(PEERS_FOLDER, { recursive: true })
  const installed = [installLiteLlm(), installPortkey(), installBifrost()]
  writeFileSync(join(PEERS_FOLDER, 'peers.json'), `${JSON.stringify(installed, null, 2)}\n`)
  for (const { from, error } of installed) console.log(`${from}: ${error ?? 'installed'}`)
}

function installLiteLlm(): Installed {
  const folder = join(PEERS_FOLDER, 'litellm')
  const steps = [
    // Its scripts name the folder that they were made in: what was copied or moved here does not run.
    { program: 'python3', args: ['-m', 'venv', '--clear', folder], cwd: PEERS_FOLDER },
    { program: join(folder, 'bin/pip'), args: ['install', '--quiet', LITELLM], cwd: PEERS_FOLDER },
  ]
  return { name: 'litellm', from: `PyPI ${LITELLM}`, ...errorOf(steps) }
}

function installPortkey(): Installed {
  const folder = join(PEERS_FOLDER, 'portkey')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const manifest = {
    private: true,
    dependencies: { '@portkey-ai/gateway': PORTKEY },
    overrides: { '@hono/node-server': HONO_NODE_SERVER },
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  return {
    name: 'portkey',
    from: `npm @portkey-ai/gateway@${PORTKEY}, its @hono/node-server at ${HONO_NODE_SERVER}`,
    ...errorOf([{ program: 'npm', args, cwd: folder }]),
  }
}

function installBifrost(): Installed {
  const program = 'go'
  return {
    name: 'bifrost',
    from: `Go ${BIFROST}`,
    ...errorOf([{ program, args: ['install', BIFROST], cwd: PEERS_FOLDER }]),
  }
}

function errorOf(steps: readonly Step[]): { readonly error?: string } {
  for (const { program, args, cwd } of steps) {
    const { error, status, stderr } = spawnSync(program, args, {
      cwd,
      env: { ...process.env, GOBIN: join(PEERS_FOLDER, 'bin') },
      timeout: STEP_MS_MAX,
      encoding: 'utf8',
    })
    if (error !== undefined) return { error: error.message }
    // The addresses of registries are those of the machine, and nobody else's.
    if (status !== 0) return { error: oneLine(stderr).replaceAll(/ reading https?:\/\/\S+:/g, '') }
  }
  return {}
}

function oneLine(text: string): string {
  return text
    .trim()
    .split(/\s*\n\s*/)
    .join('; ')
    .replaceAll(PEERS_FOLDER, '.')
    .slice(0, 400)
}
