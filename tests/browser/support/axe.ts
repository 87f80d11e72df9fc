// Asks axe-core what it finds wrong with a page for people who cannot see it or use no mouse.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** The violations that are serious or critical, each with the places where it was found. Empty: there are none. */
export async function seriousViolations(page: Page): Promise<readonly string[]> {
  // Evaluated instead of inserted: the page allows no script but its own.
  await page.evaluate(source)
  const violations: readonly Violation[] = await page.evaluate(
    'axe.run(document).then(found => found.violations)',
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    )
}
