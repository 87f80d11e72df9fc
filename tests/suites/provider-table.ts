// The table of docs/providers.md, made of what the contract suite found.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../support/tools.ts'

/** What a run of the suite found: rows and columns in the order of the table. */
export interface ProviderFindings {
  readonly columns: readonly { readonly title: string; readonly model: string }[]
  /** Each with a cell for every column; empty: no test has found anything. */
  readonly rows: readonly { readonly title: string; readonly cells: readonly string[] }[]
}

/** The page. */
export const pagePath = join(root, 'docs/providers.md')
const findingsPath = join(root, 'build/provider-findings.json')
const [begin, end] = ['<!-- contract:begin -->', '<!-- contract:end -->']

/** Writes what was found, for the script that fills in the page. */
export function keepFindings(findings: ProviderFindings): void {
  mkdirSync(dirname(findingsPath), { recursive: true })
  writeFileSync(findingsPath, JSON.stringify(findings, null, 2))
}

/** Reads what the last run found. Throws when there was none. */
export function keptFindings(): ProviderFindings {
  // The parse boundary: `keepFindings` wrote it.
  return JSON.parse(readFileSync(findingsPath, 'utf8')) as ProviderFindings
}

/** The table in Markdown. Throws for a cell that no test stands behind. */
export function tableOf({ columns, rows }: ProviderFindings): string {
  const lines = [
    ['', ...columns.map(({ title }) => title)],
    ['*asked here*', ...columns.map(({ model }) => `\`${model}\``)],
    ...rows.map(({ title, cells }) => {
      const gap = cells.indexOf('')
      if (gap >= 0) throw new Error(`no test has found anything about: ${title}, ${columns[gap]?.title}`)
      return [title, ...cells]
    }),
  ]
  const widths =
    lines[0]?.map((_, column) => Math.max(3, ...lines.map(line => line[column]?.length ?? 0))) ?? []
  const drawn = lines.map(
    line => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  )
  const rule = `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`
  return [drawn[0], rule, ...drawn.slice(1)].join('\n')
}

/** The table that the page has. Throws when the page has no place for one. */
export function tableIn(page: string): string {
  const [from, to] = placeIn(page)
  return page.slice(from, to).trim()
}

/** The page with another table. */
export function withTable(page: string, table: string): string {
  const [from, to] = placeIn(page)
  return `${page.slice(0, from)}\n\n${table}\n\n${page.slice(to)}`
}

function placeIn(page: string): readonly [number, number] {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from)
    throw new Error(`docs/providers.md has no lines ${begin} and ${end}: put them back`)
  return [from + begin.length, to]
}
