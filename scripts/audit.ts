// Asks the registry for known weaknesses of what is installed, and holds the install scripts against the list of those allowed.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, StepError } from './step.ts'

/** What became of the question. */
export type Audit =
  | { readonly type: 'clean' }
  | { readonly type: 'weak'; readonly packages: readonly string[] }
  /** Not every registry answers this question. */
  | { readonly type: 'unanswered'; readonly why: string }

/** The part of a lock file that is read here. */
export interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly hasInstallScript?: boolean; readonly version?: string }>
  >
}

const serious: ReadonlySet<unknown> = new Set(['high', 'critical'])

/** Reads the answer of `npm audit --json`: weaknesses below "high" are told by npm and stop nobody. */
export function auditOf(text: string): Audit {
  const answer = jsonIn(text)
  if (!isObject(answer)) return { type: 'unanswered', why: 'npm audit printed no JSON' }
  const { vulnerabilities, message } = answer
  if (!isObject(vulnerabilities)) return { type: 'unanswered', why: String(message ?? 'no answer') }
  const packages = Object.entries(vulnerabilities)
    .filter(([, found]) => isObject(found) && serious.has(found['severity']))
    .map(([name]) => name)
  return packages.length === 0 ? { type: 'clean' } : { type: 'weak', packages }
}

/** Packages that would run a script when they are installed, and are not named in `allowScripts`, with true or false. */
export function unlistedScripts(lock: Lock, allowed: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(lock.packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    .filter(name => !Object.hasOwn(allowed, name))
}

/** Fails for a serious weakness in what users get, and for an install script that nobody has allowed or refused. */
export function checkPackages(): void {
  const read = (name: string): string => readFileSync(join(root, name), 'utf8')
  // Both files are the project's own; npm has read them before us.
  const lock = JSON.parse(read('package-lock.json')) as Lock
  const { allowScripts } = JSON.parse(read('package.json')) as {
    readonly allowScripts: Record<string, boolean>
  }
  const unlisted = unlistedScripts(lock, allowScripts)
  if (unlisted.length > 0)
    throw new StepError(
      `${unlisted.join(', ')} would run a script at npm ci: read it, then name the package in allowScripts of package.json`,
    )
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: root, encoding: 'utf8' })
  const audit = auditOf(stdout ?? '')
  if (audit.type === 'weak')
    throw new StepError(
      `${audit.packages.join(', ')}: known weaknesses, see npm audit: update or replace them`,
    )
  console.log(audit.type === 'clean' ? 'no serious weakness is known' : `npm audit was skipped: ${audit.why}`)
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
