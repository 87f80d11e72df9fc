// Turns measured rounds into figures, figures into a table, and puts the table into a document.
import { readFileSync, writeFileSync } from 'node:fs'
import { median } from './numbers.ts'

/** One load on one server in one round. */
export type Sample = {
  /** CPU of the server per unit, in microseconds. */
  readonly micros: number
  /** Units in a second. */
  readonly rate: number
  /** Messages that the client got per call. */
  readonly messages: number
}

/** The middle of some samples and how far they are apart. */
export type Figure = {
  readonly micros: number
  readonly microsMin: number
  readonly microsMax: number
  readonly rate: number
  readonly messages: number
}

/** Sums samples up. */
export function figureOf(samples: readonly Sample[]): Figure {
  const micros = samples.map(sample => sample.micros)
  return {
    micros: median(micros),
    microsMin: Math.min(...micros),
    microsMax: Math.max(...micros),
    rate: median(samples.map(sample => sample.rate)),
    messages: median(samples.map(sample => sample.messages)),
  }
}

/** Lines of cells as a Markdown table whose columns are of equal width; the first line is the header. */
export function alignedTable(lines: readonly (readonly string[])[]): string {
  const [header = []] = lines
  const widths = header.map((_, column) => Math.max(3, ...lines.map(line => line[column]?.length ?? 0)))
  const drawn = lines.map(
    line => `| ${line.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(' | ')} |`,
  )
  const rule = `|${widths.map((width, column) => `${'-'.repeat(width + 1)}${column === 0 ? '-' : ':'}`).join('|')}|`
  return [drawn[0], rule, ...drawn.slice(1)].join('\n')
}

/** Replaces what a document has between `<!-- name:begin -->` and `<!-- name:end -->`. */
export function writeBetween(file: string, name: string, text: string): void {
  const document = readFileSync(file, 'utf8')
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has no lines ${begin} and ${end}: put them back`)
  writeFileSync(file, `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`)
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}
