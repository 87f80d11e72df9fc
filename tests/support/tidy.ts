// What the house rules look at: the project's files as git sees them, their code without comments, their imports.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One text file of the project: its path from the root, with forward slashes, and what it says. */
export type ProjectFile = { readonly path: string; readonly text: string }

/** A house rule: every break of it in these files, as `path:line: what and the remedy`. */
export type Rule = (files: readonly ProjectFile[]) => readonly string[]

/** One `import`, `import()` or `export … from` of a file. */
export type Import = {
  readonly line: number
  readonly specifier: string
  /** True when only types come in, so nothing is loaded. */
  readonly typeOnly: boolean
}

/** Reads every text file that git tracks or would track, generated code included. */
export function projectFiles(root: string): readonly ProjectFile[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  })
  const paths = [...new Set(listed.split('\0'))].filter(path => path !== '')
  return paths.flatMap(path => {
    const text = readText(join(root, path))
    return text === undefined ? [] : [{ path, text }]
  })
}

function readText(path: string): string | undefined {
  try {
    const bytes = readFileSync(path)
    return bytes.includes(0) ? undefined : bytes.toString('utf8')
  } catch {
    return undefined // Deleted in the work tree and still in the index.
  }
}

const comment = String.raw`\/\*[\s\S]*?\*\/|\/\/[^\n]*`
const string = String.raw`'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|\x60(?:\\[\s\S]|[^\x60\\])*\x60`
// A slash begins a pattern only where a value may begin.
const pattern = String.raw`(?<=[=(,:?!&|;>{}[\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*`

/** The text with its comments blanked, line by line the same. */
export function withoutComments(text: string): string {
  return blank(text, token => token.startsWith('//') || token.startsWith('/*'))
}

/** The text with comments, strings and patterns blanked, line by line the same. */
export function codeOnly(text: string): string {
  return blank(text, () => true)
}

function blank(text: string, wanted: (token: string) => boolean): string {
  const tokens = new RegExp(`${pattern}|${comment}|${string}`, 'g')
  return text.replace(tokens, token => (wanted(token) ? token.replace(/[^\n]/g, ' ') : token))
}

/** The imports of a TypeScript file, formatted as the project's formatter does it. */
export function importsOf(text: string): readonly Import[] {
  const source = withoutComments(text)
  const statements = /^(?:import|export)\s+(type\s)?(?:[^'";=]*?\sfrom\s+)?'([^'\n]+)'/gm
  const dynamic = /\bimport\((type\s)?\s*'([^'\n]+)'/g
  return [...source.matchAll(statements), ...source.matchAll(dynamic)].map(match => ({
    line: lineAt(source, match.index),
    specifier: match[2] ?? '',
    typeOnly: match[1] !== undefined,
  }))
}

/** The line number, from 1, of a position in a text. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** Every place in a text where a pattern (with the flag g) matches, as complaints about that file. */
export function complain(file: ProjectFile, text: string, pattern: RegExp, why: string): readonly string[] {
  return [...text.matchAll(pattern)].map(
    match => `${file.path}:${lineAt(text, match.index)}: ${match[0].trim()}: ${why}`,
  )
}

/** The files that match, in the given folders (all when none is given). */
export function select(files: readonly ProjectFile[], ...under: readonly string[]): readonly ProjectFile[] {
  return files.filter(
    ({ path }) => path.endsWith('.ts') && under.some(folder => path.startsWith(`${folder}/`)),
  )
}
