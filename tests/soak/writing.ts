// Puts measured figures into a page of the documentation, between their markers.
import { readFileSync, writeFileSync } from 'node:fs'

/** Replaces what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. Throws when one of them is not there. */
export function writeBetween(path: string, name: string, text: string): void {
  const page = readFileSync(path, 'utf8')
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${path} needs a line ${begin} and one ${end} after it`)
  writeFileSync(path, `${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`)
}
