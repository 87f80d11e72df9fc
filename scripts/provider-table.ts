// Puts the table that the contract suite found into docs/providers.md: run the suite, then this.
import { readFileSync, writeFileSync } from 'node:fs'
import { keptFindings, pagePath, tableOf, withTable } from '../tests/suites/provider-table.ts'

if (import.meta.main) {
  writeFileSync(pagePath, withTable(readFileSync(pagePath, 'utf8'), tableOf(keptFindings())))
  console.log('docs/providers.md has the table of the last run of tests/contract/providers.test.ts')
}
