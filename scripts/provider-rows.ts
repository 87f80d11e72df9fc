// Lists which tests stand behind each oddity of the providers and each field of a request, and fails on a gap.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './step.ts'

/** What is known of one thing: the tests that show it, and why something of it has none yet. */
export interface Row {
  /** Each as `file: title`, or with a short name for the file. */
  readonly tests: readonly string[]
  /** Why a test is missing, or shows a part of it only. */
  readonly later?: string
}

/** The rows as they stand in the file. */
export interface Rows {
  readonly quirks: readonly (Row & { readonly id: number; readonly text: string })[]
  readonly fields: readonly ({ readonly field: string } & {
    readonly [Provider in (typeof providers)[number]]: Row & { readonly becomes: string }
  })[]
}

/** How many rows there are to be. */
export const counts = { quirks: 34, fields: 22 } as const

const providers = ['openai', 'glm', 'kimi', 'minimax'] as const
const rowsPath = join(root, 'tests/fixtures/providers/rows.json')

/** Where the titles behind a short name stand; those of the contract follow a provider: `contract: glm › title`. */
const shortNames: Readonly<Record<string, string>> = {
  contract: 'tests/suites/capabilities',
  adaptations: 'tests/contract/adaptations',
  quirks: 'tests/contract/quirks.test.ts',
  'stream quirks': 'tests/contract/stream-quirks.test.ts',
}
const specs = 'tests/contract/specs'

/** Reads the file. Throws when it is none. */
export function readRows(): Rows {
  // The parse boundary: a test checks that everything that is read here is there.
  return JSON.parse(readFileSync(rowsPath, 'utf8')) as Rows
}

/** What is missing, one line each; empty when nothing is. */
export function gapsIn(rows: Rows): readonly string[] {
  return [
    ...(rows.quirks.length === counts.quirks
      ? []
      : [`${rows.quirks.length} quirks instead of ${counts.quirks}`]),
    ...(rows.fields.length === counts.fields
      ? []
      : [`${rows.fields.length} fields instead of ${counts.fields}`]),
    ...named(rows).flatMap(([name, { tests, later }]) => [
      ...(tests.length === 0 && later === undefined ? [`${name}: no test`] : []),
      ...tests.filter(test => !exists(test)).map(test => `${name}: no test is called ${test}`),
    ]),
  ]
}

/** The list, for reading. */
export function listOf(rows: Rows): string {
  return named(rows)
    .map(([name, { tests, later }]) =>
      [
        name,
        ...tests.map(test => `    ${test}`),
        ...(later === undefined ? [] : [`    later: ${later}`]),
      ].join('\n'),
    )
    .join('\n')
}

function named({ quirks, fields }: Rows): readonly (readonly [string, Row])[] {
  return [
    ...quirks.map(quirk => [`quirk ${quirk.id}: ${quirk.text}`, quirk] as const),
    ...fields.flatMap(row =>
      providers.map(each => [`${row.field}, ${each}: ${row[each].becomes}`, row[each]] as const),
    ),
  ]
}

function exists(test: string): boolean {
  const [, place = '', whole = ''] = /^([^:]+): (.*)$/s.exec(test) ?? []
  const source = sourceOf(shortNames[place] ?? place)
  if (place !== 'contract') return hasTitle(source, whole)
  const [provider = '', title = ''] = whole.split(' › ')
  return sourceOf(specs).includes(`name: '${provider}'`) && hasTitle(source, title)
}

/** Whether a quoted title, just so, is the first argument of a call, or a field that makes one. */
function hasTitle(source: string, title: string): boolean {
  if (title === '') return false
  const words = title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?:\\b(?:test|title):|\\()\\s*(['"\`])${words}\\1\\s*,`).test(source)
}

/** The text of a file, or of all files of a folder; empty when there is none. */
function sourceOf(path: string): string {
  const whole = join(root, path)
  try {
    if (path.endsWith('.ts')) return readFileSync(whole, 'utf8')
    const names = readdirSync(whole)
    return names.map(name => readFileSync(join(whole, name), 'utf8')).join('\n')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

if (import.meta.main) {
  const rows = readRows()
  console.log(listOf(rows))
  const gaps = gapsIn(rows)
  for (const gap of gaps) console.error(`gap: ${gap}`)
  process.exitCode = gaps.length === 0 ? 0 : 1
}
