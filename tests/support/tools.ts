// Finds the programs of others that some tests drive, and says once what is missing and how to get it.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The repository's root folder. */
export const root = join(import.meta.dirname, '../..')

type Lookup = {
  /** Names of the program, the preferred one first; looked up in build/bin, build/venv/bin and PATH. */
  readonly programs: readonly string[]
  /** Ends the sentence "install it with …". */
  readonly install: string
  /** False for a tool that `.ci/run` has no way to install: its tests may be skipped even there. */
  readonly inCi: boolean
}

const lookups = {
  grpcurl: { programs: ['grpcurl'], install: 'bash .ci/run, or go install (see .ci/run)', inCi: true },
  connectconformance: {
    programs: ['connectconformance'],
    install: 'bash .ci/run, or go install connectrpc.com/conformance/cmd/connectconformance (see .ci/run)',
    inCi: true,
  },
  'grpc-health-probe': {
    programs: ['grpc-health-probe', 'grpc_health_probe'],
    install: 'its own release page (the module is not on every Go proxy)',
    inCi: false,
  },
  nginx: { programs: ['nginx'], install: 'apt-get install nginx', inCi: true },
  haproxy: { programs: ['haproxy'], install: 'apt-get install haproxy', inCi: true },
  kustomize: { programs: ['kustomize'], install: 'bash .ci/run, or go install (see .ci/run)', inCi: true },
  'kubernetes-validate': {
    programs: ['kubernetes-validate'],
    install: 'bash .ci/run, or pip install kubernetes-validate in build/venv',
    inCi: true,
  },
  chromium: {
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    install: 'apt-get install chromium',
    inCi: true,
  },
  'redis-server': { programs: ['redis-server'], install: 'apt-get install redis-server', inCi: true },
  'python-grpc': {
    programs: ['python-grpc'],
    install: 'bash .ci/run, or pip install grpcio grpcio-tools in build/venv',
    inCi: true,
  },
  'python-openai': {
    programs: ['python-openai'],
    install: 'bash .ci/run, or pip install openai in build/venv',
    inCi: true,
  },
  'python-websockets': {
    programs: ['python-websockets'],
    install: 'bash .ci/run, or pip install websockets in build/venv',
    inCi: true,
  },
  'python-connect': {
    programs: ['python-connect'],
    install: 'bash .ci/run, or pip install connectrpc, grpcio and the rest of its list in build/venv',
    inCi: true,
  },
  go: { programs: ['go'], install: 'go.dev/doc/install, 1.26 or newer', inCi: true },
  promtool: { programs: ['promtool'], install: "promtool of Debian's package prometheus", inCi: true },
  script: { programs: ['script'], install: 'apt-get install bsdutils', inCi: true },
  curl: { programs: ['curl'], install: 'apt-get install curl', inCi: true },
} as const satisfies Record<string, Lookup>

/** The name of a program that tests may ask for. */
export type ToolName = keyof typeof lookups

const told = new Set<ToolName>()

/**
 * Finds a program: `{ path }`, absolute, or undefined when it is not on this machine (then one line says so).
 * Python with grpcio and grpcio-tools is `python-grpc`, and with OpenAI's package `python-openai`: its path is that interpreter's.
 * @throws Error when it is missing, `EXAI_TEST_ALL=1` and `.ci/run` can install it.
 */
export function tool(name: ToolName): { readonly path: string } | undefined {
  const { programs, install, inCi }: Lookup = lookups[name]
  const path = find(programs, searchPath())
  if (path !== undefined) return { path }
  const line = `needs ${name}, install it with ${install}`
  if (process.env['EXAI_TEST_ALL'] === '1' && inCi)
    throw new Error(`not skipped under EXAI_TEST_ALL=1: ${line}`)
  if (!told.has(name)) process.stderr.write(`skipped: ${line}\n`)
  told.add(name)
  return undefined
}

/** The folders that are searched, in order: what `.ci/run` put into build/, then PATH. */
export function searchPath(): readonly string[] {
  return [
    join(root, 'build/bin'),
    join(root, 'build/venv/bin'),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
}

/** The absolute path of the first program that is there and can be run, or undefined. */
export function find(programs: readonly string[], folders: readonly string[]): string | undefined {
  for (const program of programs) {
    for (const folder of folders) {
      const path = join(folder, program)
      if (folder !== '' && runnable(path)) return path
    }
  }
  return undefined
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // Absent or not executable: the next folder may have it.
  }
}
