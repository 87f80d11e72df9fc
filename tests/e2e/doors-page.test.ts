// docs/compat.md: it says what the tests of the doors go through, and names only tests that there are.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { doorNames, featureNames, features, lack, reasons } from '../support/doors/features.ts'
import { clients, clientTable, featureTable } from '../support/doors/page.ts'
import { root } from '../support/tools.ts'

const path = join(root, 'docs/compat.md')
const page = readFileSync(path, 'utf8')

describe('the page of doors and features', () => {
  it('has the table that the tests go through', () => expect(page).toContain(featureTable()))

  it('has the table of clients', () => expect(page).toContain(clientTable()))

  it('has a cell for each door and feature, a tick or a reason', () => {
    const rows = page
      .split('\n')
      .filter(line => line.startsWith('| [') && line.includes('](../tests/e2e/doors'))
    expect(rows).toHaveLength(featureNames.length)
    for (const row of rows) {
      const cells = row.split(' | ').slice(1)
      expect(cells).toHaveLength(doorNames.length)
      for (const cell of cells) expect(cell).toMatch(/^(✓|–\[\^[a-z]+\])( \|)?$/)
    }
  })

  it('links to files that are there', () => {
    const links = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link)
    expect(links.length).toBeGreaterThan(featureNames.length)
    for (const link of links.filter(each => !each.startsWith('http')))
      expect([link, existsSync(join(dirname(path), link))]).toEqual([link, true])
  })
})

describe('the tests that are named', () => {
  it.each(featureNames)('go through %s in the file of its row', name => {
    const text = readFileSync(join(root, 'tests/e2e', features[name].file), 'utf8')
    expect(text).toMatch(new RegExp(`^  async ${name}\\(`, 'm'))
  })

  it.each(clients)('drive $client: $title', ({ file, title }) =>
    expect(readFileSync(join(root, file), 'utf8')).toContain(title),
  )
})

it('no reason is there for nothing', () => {
  const given = new Set(featureNames.flatMap(feature => doorNames.map(door => lack(feature, door))))
  given.delete(undefined)
  expect([...given].map(String).toSorted()).toEqual(Object.keys(reasons).toSorted())
})
