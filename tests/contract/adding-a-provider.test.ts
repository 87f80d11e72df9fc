// Follows docs/adding-a-provider.md to the letter: its two files are written, registered, and keep the contract.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { providers } from '../../src/providers/registry.ts'
import type { ProviderFactory } from '../../src/providers/settings.ts'
import type { ProviderSpec } from '../suites/provider-spec.ts'
import { providerSuite } from '../suites/provider-suite.ts'
import { root } from '../support/tools.ts'
import { attempt, collect, textOf } from '../unit/providers/attempt.ts'
import { startLarch } from './larch-upstream.ts'

const folder = join(root, 'build/adding-a-provider')
const page = readFileSync(join(root, 'docs/adding-a-provider.md'), 'utf8')
const files = new Map(
  [...page.matchAll(/^In `([^`]+)`:\n\n```ts\n([\s\S]*?)^```$/gm)].map(([, path = '', code = '']) => [
    path,
    code,
  ]),
)
// The page's host is played by a server that lives beside this test.
const moved = new Map([['tests/support/upstream/larch.ts', 'tests/contract/larch-upstream.ts']])

/** Writes the page's files as they stand there; only where they import from is told anew. */
function write(): void {
  for (const [path, code] of files) {
    const place = join(folder, path)
    const told = code.replaceAll(/(?<=from ')\.[^']*(?=')/g, specifier => {
      const meant = relative(root, join(root, dirname(path), specifier))
      return files.has(meant) ? join(folder, meant) : join(root, moved.get(meant) ?? meant)
    })
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, told)
  }
}

write()
// The parse boundary: these are the names that the page gives to what it exports.
const { createLarch } = (await import(join(folder, 'src/providers/larch.ts'))) as {
  createLarch: ProviderFactory
}
const { larch } = (await import(join(folder, 'tests/contract/specs/larch.ts'))) as { larch: ProviderSpec }

describe('the page about adding a provider', () => {
  it('has an adapter and what the contract comes to with it', () => {
    expect([...files.keys()]).toEqual(['src/providers/larch.ts', 'tests/contract/specs/larch.ts'])
  })

  it('names files that are there', () => {
    const named = [...page.matchAll(/`((?:src|tests|scripts)\/[\w./-]+\.(?:ts|json))`/g)].map(
      ([, path = '']) => path,
    )
    expect(named.length).toBeGreaterThan(6)
    for (const path of named.filter(each => !files.has(each)))
      expect(readFileSync(join(root, path), 'utf8')).not.toBe('')
  })

  it('makes a provider that stands in the registry like any other, and says what it lacks', async () => {
    const registry: Readonly<Record<string, ProviderFactory>> = { ...providers, larch: createLarch }
    expect(registry['larch']?.({ id: 'larch', keys: [] }).unusableReason).toBe(
      'larch has no key: set LARCH_API_KEY',
    )
    const double = await startLarch()
    const provider = registry['larch']?.({ id: 'larch', baseUrl: double.url, keys: ['test-key'] })
    if (provider === undefined) throw new Error('there is no larch')
    const deltas = await collect(provider.open(attempt({}, { model: larch.model })))
    expect(textOf(deltas)).toBe('You said: Hello')
    await provider.close()
    await double.close()
  })
})

providerSuite(larch)
