// Shows that every house rule can fail: each finds what is planted, and leaves alone what only looks like it.
import { describe, expect, test } from 'vitest'
import { codeOnly, importsOf, type Rule, withoutComments } from './tidy.ts'
import { layerFence, libraryOwners, packageOf } from './tidy-imports.ts'
import { exactVersions, undeclared, unused } from './tidy-packages.ts'
import * as text from './tidy-text.ts'

type Planted = readonly [path: string, ...lines: readonly string[]]

const planted = ([path, ...lines]: Planted) => ({ path, text: `${lines.join('\n')}\n` })
const lines = (count: number, first: string) => [first, ...Array.from({ length: count - 1 }, () => 'a()')]
const purpose = '// Says what the file is for.'
const src = 'src/core/x.ts'

const cases: Readonly<Record<string, { rule: Rule; bad: readonly Planted[]; good: readonly Planted[] }>> = {
  fileLength: {
    rule: text.fileLength,
    bad: [
      [src, ...lines(301, purpose)],
      [src, ...lines(500, '// One table, long because it has a row per field.')],
    ],
    good: [
      [src, ...lines(300, purpose)],
      [src, ...lines(499, '// One table, long because it has a row per field.')],
    ],
  },
  firstLine: {
    rule: text.firstLine,
    bad: [
      [src, 'export const a = 1'],
      [src, '', purpose],
      [src, '// short', 'a()'],
    ],
    good: [
      [src, purpose],
      ['gen/ts/x_pb.ts', 'a()'],
    ],
  },
  kebabCase: {
    rule: text.kebabCase,
    bad: [
      ['src/core/circuitBreaker.ts', purpose],
      ['src/Core/x.ts', purpose],
      ['tests/unit/a_b.test.ts', purpose],
    ],
    good: [
      ['src/core/safe-fetch.ts', purpose],
      ['tests/unit/a-b.test.ts', purpose],
    ],
  },
  vagueNames: {
    rule: text.vagueNames,
    bad: [
      ['src/core/utils.ts', purpose],
      ['src/common/x.ts', purpose],
      ['src/core/string-helpers.ts', purpose],
      ['tests/support/types.ts', purpose],
      ['src/chat/manager.test.ts', purpose],
    ],
    good: [['src/core/file-types-known.ts', purpose]],
  },
  leftovers: {
    rule: text.leftovers,
    bad: [
      ['README.md', `${'TO'}DO: write`],
      [src, `// ${'FIX'}ME later`],
    ],
    good: [[src, '// Every method todo with dates.']],
  },
  lonelyTests: {
    rule: text.lonelyTests,
    bad: [
      ['tests/a.test.ts', 'test.only("a", run)'],
      ['tests/a.test.ts', 'describe.skip ("a", run)'],
      ['tests/a.test.ts', 'test.todo("a")'],
    ],
    good: [['tests/a.test.ts', 'test.skipIf(!tool)("a", run)', "const a = 'x.only(1)'"]],
  },
  shortPatience: {
    rule: text.shortPatience,
    bad: [
      ['tests/a.test.ts', 'await vi.waitFor(() => expect(a()).toBe(1))'],
      ['tests/a.test.ts', 'await vi.waitUntil(a)'],
    ],
    good: [
      ['tests/a.test.ts', 'await vi.waitFor(() => a(), { timeout: 9_000 })', 'await eventually(a)'],
      ['tests/a.test.ts', "const a = 'vi.waitFor(x)'"],
    ],
  },
  machinePaths: {
    rule: text.machinePaths,
    bad: [
      [src, `const a = '${'/tm'}p/x'`],
      ['README.md', `cd ${'/hom'}e/me`],
      ['.ci/run', `cp ${'/roo'}t/x .`],
    ],
    good: [[src, `const a = 'https://example.com${'/hom'}e/x'`, "const b = './tmp/x'"]],
  },
  registryHosts: {
    rule: text.registryHosts,
    bad: [
      ['.npmrc', `registry=https://${'registry.npmjs'}.org/`],
      ['docs/a.md', `see ${'crates'}.io`],
    ],
    good: [['docs/a.md', 'install it from the npm registry; pypi organises']],
  },
  workNotes: {
    rule: text.workNotes,
    bad: [[src, `// See ${'design'}.md, section 4.`]],
    good: [[src, '// See docs/redesign.md.', '// See docs/providers.md.']],
  },
  environment: {
    rule: text.environment,
    bad: [
      [src, "const a = process.env['A']"],
      [src, "const a = process['env']"],
      [src, "import { env } from 'node:process'"],
    ],
    good: [
      ['src/main.ts', 'run(process.env)'],
      [src, '// Not from process.env.', 'const a = settings.env'],
    ],
  },
  noAny: {
    rule: text.noAny,
    bad: [
      [src, 'const a: any = 1'],
      [src, 'const a = b as any'],
      [src, 'type A = Map<string, any>'],
      [src, 'type A = any[]'],
    ],
    good: [
      [src, '// for any: reason', "const a = 'x as any'", 'const b = any(c)', 'const c = AbortSignal.any(d)'],
    ],
  },
  docComments: {
    rule: text.docComments,
    bad: [
      [src, purpose, '', 'export const a = 1'],
      [src, '/** Old. */', '', 'export type A = string'],
      [src, "export { a } from './a.ts'"],
      [src, "export * from './a.ts'"],
    ],
    good: [
      [src, '/** One. */', 'export const a = 1'],
      [src, '/** Over. */', 'export function a(b: string): void', 'export function a(b: number): void'],
      [src, 'const a = `', 'export const b = 1', '`'],
    ],
  },
  providerNames: {
    rule: text.providerNames,
    bad: [
      ['src/chat/x.ts', "if (provider === 'openai') a()"],
      ['src/chat/x.ts', "if ('glm' !== provider) a()"],
      ['src/routing/x.ts', "case 'kimi':"],
      ['src/gateway.ts', "if (model.provider !== 'sandbox') a()"],
    ],
    good: [
      ['src/providers/x.ts', "if (provider === 'openai') a()"],
      ['src/gateway.ts', "if (entry.kind !== 'sandbox') a()"],
      ['src/chat/x.ts', "// Unlike provider === 'openai'.", "const a = 'openai'"],
    ],
  },
  layerFence: {
    rule: layerFence,
    bad: [
      ['src/core/x.ts', "import { a } from '../chat/a.ts'"],
      ['src/chat/x.ts', "import type { A } from '../files/a.ts'"],
      ['src/routing/x.ts', "const a = await import('../providers/a.ts')"],
      ['src/server/x.ts', "import '../gateway.ts'"],
      ['src/doors/openai/x.ts', "import { a } from '../connect/a.ts'"],
      ['src/stores/sqlite/x.ts', 'import {', '  a,', '  b,', "} from '../redis/a.ts'"],
      ['src/chat/x.ts', "import { a } from '../../tests/support/a.ts'"],
      ['src/plugins/x.ts', purpose],
      ['src/chat/x.ts', "import { defaults } from '../config/a.ts'"],
      ['src/doors/connect/x.ts', "import { a } from '../../server/a.ts'"],
      ['src/server/x.ts', "import type { A } from '../doors/a.ts'"],
      ['src/chat/x.ts', "import manifest from '../../package.json' with { type: 'json' }"],
    ],
    good: [
      ['src/main.ts', "import { a } from './gateway.ts'", "import { b } from './cli/b.ts'"],
      ['src/gateway.ts', "import { a } from './doors/connect/a.ts'", "import { b } from './core/b.ts'"],
      ['src/chat/x.ts', "import { a } from '../routing/a.ts'", "import { b } from './b.ts'"],
      ['src/core/x.ts', "import { a } from '#gen/exai/v1/chat_pb'", "import { b } from 'node:fs'"],
      ['src/doors/openai/x.ts', "import { a } from './a.ts'", "import { b } from '../b.ts'"],
      ['src/chat/x.ts', "// import { a } from '../files/a.ts'"],
      ['src/chat/x.ts', "import type { Snapshot } from '../config/a.ts'"],
      ['src/gateway.ts', "import { load } from './config/a.ts'"],
      ['src/config/b.ts', "import { load } from './a.ts'"],
      ['src/doors/connect/x.ts', "import type { A } from '../../server/a.ts'"],
      ['src/main.ts', "import manifest from '../package.json' with { type: 'json' }"],
    ],
  },
  libraryOwners: {
    rule: libraryOwners,
    bad: [
      ['src/chat/x.ts', "import { request } from 'undici'"],
      ['src/core/x.ts', "import type { Logger } from 'pino'"],
      ['src/doors/openai/x.ts', "import { Code } from '@connectrpc/connect/protocol'"],
      ['src/core/x.ts', "import { a } from 'nobody-knows-it'"],
      ['src/routing/x.ts', "import { a } from 'mollitia'"],
    ],
    good: [
      ['src/providers/http.ts', "import { request } from 'undici'"],
      ['src/core/safe-fetch.ts', "import { request } from 'undici'"],
      ['src/doors/connect/x.ts', "import { Code } from '@connectrpc/connect/protocol'"],
      ['src/chat/x.ts', "import { create } from '@bufbuild/protobuf'"],
      ['src/routing/circuit.ts', "import { a } from 'mollitia'"],
    ],
  },
}

describe('a house rule finds each planted fault once', () => {
  for (const [name, { rule, bad, good }] of Object.entries(cases)) {
    for (const [index, file] of bad.entries()) {
      test(`${name}, fault ${index + 1}: ${file[1]?.slice(0, 50)}`, () => {
        const found = rule([planted(file)])
        expect(found).toHaveLength(1)
        expect(found[0]?.startsWith(file[0])).toBe(true)
      })
    }
    test(`${name} is content with what is right`, () => expect(rule(good.map(planted))).toEqual([]))
  }
})

describe('the rules about package.json', () => {
  const used = [
    planted(['src/a.ts', "import { a } from '@x/used/deep'"]),
    planted(['scripts/a.ts', "run('tool')"]),
  ]

  test('accept exact versions only', () => {
    expect(exactVersions({ dependencies: { a: '1.2.3', b: '1.0.0-rc.1' } })).toEqual([])
    const loose = {
      dependencies: { a: '^1.2.3' },
      devDependencies: { b: 'latest' },
      optionalDependencies: { c: '1' },
    }
    expect(exactVersions(loose)).toHaveLength(3)
  })

  test('find an import that nobody declared', () => {
    expect(undeclared(used, { dependencies: { '@x/used': '1.0.0' } })).toEqual([])
    expect(undeclared(used, { devDependencies: { '@x/used': '1.0.0' } })).toHaveLength(1)
  })

  test('find what nobody uses', () => {
    expect(
      unused(used, { dependencies: { '@x/used': '1.0.0' }, devDependencies: { tool: '1.0.0' } }),
    ).toEqual([])
    expect(
      unused(used, { dependencies: { idle: '1.0.0' }, devDependencies: { lazy: '1.0.0' } }),
    ).toHaveLength(2)
  })
})

describe('reading source', () => {
  test('blanks comments and keeps strings that look like them', () => {
    expect(withoutComments("a('//b') // c")).toBe("a('//b')     ")
    expect(withoutComments('a /* b\nc */ d')).toBe('a     \n     d')
  })

  test('blanks strings and patterns and keeps what follows', () => {
    expect(codeOnly('a(/[\'"]/g, b)').replaceAll(' ', '')).toBe('a(,b)')
    expect(codeOnly("a = 'it\\'s' + b").replaceAll(' ', '')).toBe('a=+b')
    expect(codeOnly('a = b / c / d')).toBe('a = b / c / d')
  })

  test('finds every form of import with its line', () => {
    const source =
      "import 'a'\nimport type { B } from 'b'\nimport {\n  c,\n} from 'c'\nexport * from 'd'\nawait import('e')\n"
    expect(importsOf(source)).toEqual([
      { line: 1, specifier: 'a', typeOnly: false },
      { line: 2, specifier: 'b', typeOnly: true },
      { line: 3, specifier: 'c', typeOnly: false },
      { line: 6, specifier: 'd', typeOnly: false },
      { line: 7, specifier: 'e', typeOnly: false },
    ])
  })

  test('knows the package in a specifier', () => {
    expect(packageOf('@a/b/c')).toBe('@a/b')
    expect(packageOf('a/b')).toBe('a')
    for (const own of ['node:fs', './a.ts', '../a.ts', '#gen/a']) expect(packageOf(own)).toBeUndefined()
  })
})
