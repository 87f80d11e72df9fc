// The house rules about package.json: exact versions, nothing undeclared, nothing unused.
import { type ProjectFile, select } from './tidy.ts'
import { importedPackages } from './tidy-imports.ts'

type Versions = Readonly<Record<string, string>>

/** The part of package.json that the rules read. */
export type Manifest = {
  readonly scripts?: Versions
  readonly dependencies?: Versions
  readonly devDependencies?: Versions
  readonly optionalDependencies?: Versions
}

// A tool that is not imported by its name shows in another way that it is in use.
const signs: Readonly<Record<string, RegExp>> = {
  '@bufbuild/protoc-gen-es': /local: protoc-gen-es/,
  '@types/node': /"types": \["node"\]/,
  '@types/ws': /from 'ws'/,
  '@vitest/coverage-v8': /provider: 'v8'/,
  typescript: /\btsc\b/,
}

/** Versions are exact: what was tested is what is installed. */
export function exactVersions(manifest: Manifest): readonly string[] {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }
  return Object.entries(all)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${name} ${version}: pin it exactly`)
}

/** What src and gen import is a dependency. */
export function undeclared(files: readonly ProjectFile[], manifest: Manifest): readonly string[] {
  const imported = importedPackages(select(files, 'src', 'gen'))
  return [...imported]
    .filter(([name]) => manifest.dependencies?.[name] === undefined)
    .map(([name, place]) => `${place}: ${name} is not among package.json's dependencies`)
}

/** What is a dependency is imported by src or gen; what serves development is named somewhere outside of src. */
export function unused(files: readonly ProjectFile[], manifest: Manifest): readonly string[] {
  const imported = importedPackages(select(files, 'src', 'gen'))
  const elsewhere = files
    .filter(
      ({ path }) =>
        !/^(?:src|gen|docs|tests\/support\/tidy[^/]*)(?:\/|$)|^package(?:-lock)?\.json$|\.md$/.test(path),
    )
    .map(({ text }) => text)
    .concat(Object.values(manifest.scripts ?? {}))
  const seen = (name: string) => elsewhere.some(text => signs[name]?.test(text) ?? text.includes(name))
  return [
    ...Object.keys(manifest.dependencies ?? {})
      .filter(name => !imported.has(name))
      .map(name => `package.json: nothing in src or gen imports ${name}`),
    ...Object.keys({ ...manifest.devDependencies, ...manifest.optionalDependencies })
      .filter(name => !seen(name))
      .map(name => `package.json: nothing uses ${name}`),
  ]
}
