// Every provider keeps the contract; the table of docs/providers.md is what these tests find.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { capabilities } from '../suites/capabilities.ts'
import { capabilityIds } from '../suites/capability-ids.ts'
import { type Findings, providerSuite } from '../suites/provider-suite.ts'
import {
  keepFindings,
  type ProviderFindings,
  pagePath,
  tableIn,
  tableOf,
  withTable,
} from '../suites/provider-table.ts'
import { compatible } from './specs/compatible.ts'
import { glm } from './specs/glm.ts'
import { kimi } from './specs/kimi.ts'
import { miniMax } from './specs/minimax.ts'
import { openAi, openAiResponses } from './specs/openai.ts'
import { sandbox } from './specs/sandbox.ts'

const findings: Findings = new Map()
const specs = [openAi, openAiResponses, glm, kimi, miniMax, compatible, sandbox]
for (const spec of specs) providerSuite(spec, findings)

/** The rows of the table, with what the tests above have found by now. */
function found(): ProviderFindings {
  const columns = specs.map(({ title, model }) => ({ title, model: model.id }))
  const rows = capabilityIds.map(id => ({
    title: capabilities[id].title,
    cells: specs.map(({ name, absent }) => {
      if (absent?.[id] !== undefined) return '–'
      const outcome = findings.get(name)?.get(id) ?? ''
      return outcome === 'none' ? '–' : outcome
    }),
  }))
  return { columns, rows }
}

describe('the table of the providers', () => {
  it('is what these tests found: run node scripts/provider-table.ts', () => {
    keepFindings(found())
    expect(tableIn(readFileSync(pagePath, 'utf8'))).toBe(tableOf(found()))
  })

  it('has no cell without a test that ran', () => {
    const [first, ...rest] = found().rows
    const gaps = first === undefined ? [] : [{ ...first, cells: first.cells.map(() => '') }, ...rest]
    expect(() => tableOf({ columns: found().columns, rows: gaps })).toThrow(
      'no test has found anything about: Text, OpenAI',
    )
  })

  it('needs its place on the page', () => {
    expect(() => withTable('no marks', 'table')).toThrow('put them back')
    const page = 'a\n<!-- contract:begin -->\nold\n<!-- contract:end -->\nz'
    expect(withTable(page, 'new')).toBe('a\n<!-- contract:begin -->\n\nnew\n\n<!-- contract:end -->\nz')
  })
})
