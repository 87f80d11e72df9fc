// The house rules about files, names and words.
import { basename } from 'node:path'
import { codeOnly, complain, type ProjectFile, type Rule, select, withoutComments } from './tidy.ts'

const ours = ['src', 'tests', 'scripts', 'bench']

/** Files stay short: above 300 lines the first line says why ("because …"), and 500 is a wall. */
export const fileLength: Rule = files =>
  select(files, ...ours).flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n')
    if (lines.length >= 500) return [`${path}:1: ${lines.length} lines: split it, 500 is the wall`]
    if (lines.length <= 300 || lines[0]?.includes(' because ') === true) return []
    return [`${path}:1: ${lines.length} lines: split it, or let its first line say why: "… because …"`]
  })

/** Every file begins with a sentence that says what it is for. */
export const firstLine: Rule = files =>
  select(files, ...ours)
    .filter(({ text }) => !/^(?:\/\/|\/\*\*?) \S.{14,}\n/.test(text))
    .map(({ path }) => `${path}:1: begin with a comment that says what the file is for`)

/** File and folder names are kebab-case. */
export const kebabCase: Rule = files =>
  select(files, ...ours)
    .filter(({ path }) => !/^(?:[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*\/?)+$/.test(path))
    .map(({ path }) => `${path}: rename it, names are kebab-case`)

const vague = /^(?:.*-)?(?:utils?|helpers?|common|managers?|misc|types)$/

/** No name fits everything: such a file is where everything goes. */
export const vagueNames: Rule = files =>
  select(files, ...ours)
    .filter(({ path }) => path.split('/').some(part => vague.test(basename(part).replace(/\..*$/, ''))))
    .map(({ path }) => `${path}: name it for the one idea in it`)

/** What is meant to be done later is not left in the text. */
export const leftovers: Rule = files => anywhere(files, /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/g, 'do it or drop it')

/** No test is silently left out (skipIf and runIf say why they do it), and none runs alone. */
export const lonelyTests: Rule = files =>
  select(files, 'tests').flatMap(file =>
    complain(
      file,
      codeOnly(file.text),
      /\.(?:only|skip|todo)\s*\(/g,
      'every test runs; use skipIf with a reason',
    ),
  )

/** No test waits with vitest's own patience of one second, which a busy machine does not keep. */
export const shortPatience: Rule = files =>
  select(files, 'tests').flatMap(file =>
    complain(
      file,
      codeOnly(file.text),
      /\bvi\.wait(?:For|Until)\((?![\s\S]{0,600}?timeout)/g,
      'wait with eventually, or say for how long',
    ),
  )

/** Nothing names a folder of one particular machine. */
export const machinePaths: Rule = files =>
  anywhere(files, /(?<![\w.:/-])\/(?:tm[p]|wor[k]|roo[t]|hom[e])\/[\w.-]*/g, 'find the place at run time')

const registries = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['pypi', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['crates', 'io'],
  ['proxy', 'golang', 'org'],
  ['sum', 'golang', 'org'],
  ['repo1', 'maven', 'org'],
  ['repo', 'maven', 'apache', 'org'],
  ['deb', 'debian', 'org'],
  ['security', 'debian', 'org'],
].map(labels => labels.join('\\.'))

/** Where packages come from is the machine's business: no host of a registry is named. */
export const registryHosts: Rule = files =>
  anywhere(
    files,
    new RegExp(`(?<![\\w-])(?:${registries.join('|')})\\b`, 'gi'),
    'name the package, not the host',
  )

/** The text speaks of what the project is, not of how it came about. */
export const workNotes: Rule = files =>
  anywhere(files, /\b(?:desig[n]|styl[e]|part[s]|lesson[s]|ancesto[r])\.md\b/g, 'say the reason itself')

/** The environment is read in one place and passed on. */
export const environment: Rule = files =>
  select(files, 'src')
    .filter(({ path }) => path !== 'src/main.ts')
    .flatMap(file => {
      const why = 'take it as a setting, only src/main.ts reads the environment'
      const code = withoutComments(file.text)
      return [
        ...complain(file, codeOnly(file.text), /\bprocess\s*(?:\?\.|\.)\s*env\b/g, why),
        ...complain(file, code, /\bprocess\[['"]env['"]\]|\benv\b[^'\n]*\bfrom 'node:process'/g, why),
      ]
    })

/** Every value has a type. */
export const noAny: Rule = files =>
  select(files, ...ours).flatMap(file =>
    complain(
      file,
      codeOnly(file.text),
      /(?::|<|\||&|=|,|\bas)\s*any\b(?=\s*(?:[;,)>\]|&={[]|$))/gm,
      'use unknown',
    ),
  )

/** Everything that src exports tells in a doc comment what it is; nothing is exported second-hand. */
export const docComments: Rule = files => select(files, 'src').flatMap(undocumented)

function undocumented(file: ProjectFile): readonly string[] {
  const lines = codeOnly(file.text).split('\n')
  const original = file.text.split('\n')
  const complaints: string[] = []
  for (const [index, line] of lines.entries()) {
    if (!/^export\b/.test(line)) continue
    const place = `${file.path}:${index + 1}: ${(original[index] ?? '').slice(0, 60)}`
    if (/^export\s+(?:type\s+)?[{*]/.test(line)) complaints.push(`${place}: export it where it is made`)
    else if (!documented(original, index)) complaints.push(`${place}: write a doc comment above it`)
  }
  return complaints
}

// The overloads of a function share the comment of the first one.
function documented(lines: readonly string[], index: number): boolean {
  const above = lines[index - 1]?.trim() ?? ''
  if (above.endsWith('*/')) return true
  const name = /^export (?:async )?function (\w+)/.exec(lines[index] ?? '')?.[1]
  return name !== undefined && lines.slice(0, index).some(line => line.startsWith(`export function ${name}`))
}

const providers = '(?:openai|glm|kimi|minimax|moonshot|zai|zhipuai|sandbox)'
// The kind of a configured entry is no name: several entries may share it.
const comparison = new RegExp(
  `(?:(?<!\\.kind |[!=])[!=]==?\\s*|\\bcase\\s+)['"]${providers}['"]|['"]${providers}['"]\\s*[!=]==?`,
  'g',
)

/** What is special about a provider is data in its own file, not a question asked elsewhere. */
export const providerNames: Rule = files =>
  select(files, 'src')
    .filter(({ path }) => !/^src\/(?:providers|catalogue|config)\//.test(path))
    .flatMap(file =>
      complain(
        file,
        withoutComments(file.text),
        comparison,
        "make it a quirk or a capability in the provider's file",
      ),
    )

// Generated code and the lock file are not written by hand; a change log names what was.
function anywhere(files: readonly ProjectFile[], pattern: RegExp, why: string): readonly string[] {
  return files
    .filter(({ path }) => !path.startsWith('gen/'))
    .flatMap(file => complain(file, file.text, pattern, why))
}
