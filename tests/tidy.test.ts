// The house rules, executable: each holds in every file of the project.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projectFiles, type Rule } from './support/tidy.ts'
import { layerFence, libraryOwners } from './support/tidy-imports.ts'
import { exactVersions, type Manifest, undeclared, unused } from './support/tidy-packages.ts'
import * as text from './support/tidy-text.ts'
import { root } from './support/tools.ts'

const files = projectFiles(root)
const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const rules: Readonly<Record<string, Rule>> = {
  'a file has at most 300 lines, or says why not, and never 500': text.fileLength,
  'a file begins with a sentence that says what it is for': text.firstLine,
  'file names are kebab-case': text.kebabCase,
  'no file has a name that fits everything': text.vagueNames,
  'nothing is left for later': text.leftovers,
  'every test runs': text.lonelyTests,
  'no test waits for only a second': text.shortPatience,
  'no path of a particular machine is named': text.machinePaths,
  'no host of a package registry is named': text.registryHosts,
  'the project speaks only of itself': text.workNotes,
  'only src/main.ts reads the environment': text.environment,
  'no value is of any type': text.noAny,
  'everything exported has a doc comment': text.docComments,
  'no provider is treated by its name outside of its own file': text.providerNames,
  'imports go down, never up or sideways': layerFence,
  'a library is known to its owning folder only': libraryOwners,
}

describe('the house rules', () => {
  test('see the files of the project', () => {
    const paths = files.map(({ path }) => path)
    expect(paths).toContain('package.json')
    expect(paths).toContain('tests/tidy.test.ts')
    expect(paths.some(path => path.startsWith('node_modules/'))).toBe(false)
  })

  for (const [name, rule] of Object.entries(rules)) {
    test(name, () => expect(rule(files)).toEqual([]))
  }

  test('versions are exact', () => expect(exactVersions(manifest)).toEqual([]))
  test('every import is a declared dependency', () => expect(undeclared(files, manifest)).toEqual([]))
  test('every dependency is used', () => expect(unused(files, manifest)).toEqual([]))
})
