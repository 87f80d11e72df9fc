// Writes what is made from the table of settings: .env.example, and the table in docs/configuration.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Setting, settingGroups, settingRows } from '../src/config/settings.ts'

const root = join(import.meta.dirname, '..')

/** The lines between which the table of settings stands. */
export const markers = [
  '<!-- settings:begin, written by scripts/env-example.ts -->',
  '<!-- settings:end -->',
] as const

/** The text of .env.example: every setting, commented out, with its default. */
export function envExample(): string {
  const groups = settingGroups.map(group => {
    const rows = settingRows().filter(([, row]) => row.group === group)
    return [`# ${group}`, '', ...rows.flatMap(([name, row]) => [...exampleOf(name, row), ''])].join('\n')
  })
  return [
    '# Settings of exai. Copy this file to .env and remove the # where you want another value than the default.',
    '# Nothing is required. Variables of the real environment win over .env.',
    '',
    ...groups,
  ].join('\n')
}

function exampleOf(name: string, row: Setting<unknown>): readonly string[] {
  const aliases = row.aliases === undefined ? [] : [`# Also read as ${row.aliases.join(', ')}.`]
  return [`# ${row.about} (${facts(row).join('; ')})`, ...aliases, `# ${name}=${row.default ?? ''}`]
}

/** The table of settings for docs/configuration.md, with its headings. */
export function settingsTable(): string {
  return settingGroups
    .map(group => {
      const rows = settingRows().filter(([, row]) => row.group === group)
      const lines = rows.map(([name, row]) => {
        const names = [name, ...(row.aliases ?? [])].map(one => `\`${one}\``).join('<br>')
        const fallback = row.default === undefined ? '' : `\`${row.default}\``
        return `| ${names} | ${facts(row).join('; ')} | ${fallback} | ${row.about} |`
      })
      return [
        `### ${group}`,
        '',
        '| Name | Value | Default | What it does |',
        '|---|---|---|---|',
        ...lines,
      ].join('\n')
    })
    .join('\n\n')
}

function facts({ kind, unit, secret }: Setting<unknown>): readonly string[] {
  const label = unit === undefined ? kind.label : `${unit}, ${kind.label}`
  return secret && !kind.label.startsWith('secret') ? [label, 'secret'] : [label]
}

/** A document with the table put between its markers. Throws when the markers are not there. */
export function withSettingsTable(document: string): string {
  const [before, rest, ...more] = document.split(markers[0])
  const [, after, ...others] = rest?.split(markers[1]) ?? []
  if (before === undefined || after === undefined || more.length + others.length > 0)
    throw new Error(`docs/configuration.md must have one line ${markers[0]} and one ${markers[1]} after it`)
  return `${before}${markers[0]}\n\n${settingsTable()}\n\n${markers[1]}${after}`
}

if (import.meta.main) {
  const documentPath = join(root, 'docs/configuration.md')
  writeFileSync(join(root, '.env.example'), envExample())
  writeFileSync(documentPath, withSettingsTable(readFileSync(documentPath, 'utf8')))
}
