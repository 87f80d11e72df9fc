// Keys as people read them in a terminal.
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt'
import type { Key } from '#gen/exai/v1/key_pb'
import { KINDS, SCOPES, STATES, wordOf } from './key-words.ts'
import { safeLine } from './terminal-text.ts'

/** One key, a line for each fact; with the secret when there is one to be shown. */
export function keyLines(key: Key, secret?: string): string {
  const facts: readonly (readonly [string, string])[] = [
    ['id', key.id],
    ['label', key.label],
    ['tenant', key.tenant],
    ['scopes', scopesOf(key)],
    ['state', stateOf(key)],
    ['created', timeOf(key.createTime)],
    ['expires', timeOf(key.expireTime, 'never')],
    ...key.limits.map(({ kind, value, model }): readonly [string, string] => {
      const of = model === '' ? '' : ` of ${model}`
      return ['limit', `${wordOf(KINDS, kind)} ${value}${of}`]
    }),
    ...(secret === undefined ? [] : [['secret', secret] as const]),
  ]
  return facts.map(([name, value]) => `${name.padEnd(8)} ${safeLine(value)}\n`).join('')
}

const COLUMNS: readonly (readonly [title: string, cell: (key: Key) => string])[] = [
  ['ID', key => key.id],
  ['LABEL', key => key.label],
  ['TENANT', key => key.tenant],
  ['SCOPES', scopesOf],
  ['STATE', stateOf],
  ['SECRET', key => `${key.secretPrefix}…`],
  ['CREATED', key => timeOf(key.createTime)],
  ['EXPIRES', key => timeOf(key.expireTime, 'never')],
  ['LAST USE', key => timeOf(key.lastUseTime, 'never')],
]

/** Keys as a table, a line each. */
export function keyTable(keys: readonly Key[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...keys.map(key => COLUMNS.map(([, cell]) => safeLine(cell(key)))),
  ]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map(row => [...(row[column] ?? '')].length)))
  return rows
    .map(row => `${row.map((cell, column) => pad(cell, widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
    .concat('\n')
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - [...cell].length))
}

function scopesOf({ scopes }: Key): string {
  return scopes.map(scope => wordOf(SCOPES, scope)).join(' ')
}

function stateOf({ state }: Key): string {
  return wordOf(STATES, state)
}

function timeOf(time: Timestamp | undefined, otherwise = ''): string {
  return time === undefined ? otherwise : new Date(timestampMs(time)).toISOString().replace(/\.\d+Z$/, 'Z')
}
