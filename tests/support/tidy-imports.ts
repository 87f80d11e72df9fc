// The house rules about who may import what: layers, strangers, and the owners of libraries.
import { posix } from 'node:path'
import { importsOf, type ProjectFile, type Rule, select } from './tidy.ts'

// From the top to the ground; those on one line are strangers to one another.
const layers: readonly (readonly string[])[] = [
  ['main'],
  ['cli'],
  ['workers'],
  ['gateway', 'log-levels'],
  ['owner'],
  ['counted', 'data-dir', 'front', 'kept-files', 'monitoring', 'snapshots'],
  ['components'],
  ['editions', 'keeping', 'sharing'],
  ['keeping-copy'],
  ['keeping-jobs'],
  ['server', 'doors'],
  ['embeddings'],
  ['chat', 'files', 'status'],
  ['routing', 'metering', 'access', 'providers', 'stores', 'telemetry'],
  ['catalogue'],
  ['config'],
  ['client'],
  ['core'],
  ['gen'],
]

// The parts of these folders are strangers to one another, so that each can be deleted.
const folders = new Set(['doors', 'stores'])

// What all doors stand on.
const floors = new Set(['src/doors/http'])

/** Which files may import a library; a prefix that ends in `/` is a folder. */
export const owners: Readonly<Record<string, readonly string[]>> = {
  '@bufbuild/protobuf': ['src/'],
  '@fastify/busboy': ['src/doors/http/'],
  '@connectrpc/connect': ['src/doors/connect/', 'src/cli/', 'src/client/'],
  '@connectrpc/connect-node': ['src/doors/connect/', 'src/cli/', 'src/client/'],
  '@connectrpc/connect-web': ['src/client/'],
  '@modelcontextprotocol/server': ['src/doors/mcp/'],
  '@opentelemetry/api': ['src/telemetry/'],
  '@opentelemetry/otlp-exporter-base': ['src/telemetry/'],
  '@opentelemetry/sdk-trace': ['src/telemetry/'],
  'rotating-file-stream': ['src/telemetry/'],
  '@supabase/supabase-js': ['src/stores/supabase/'],
  'gpt-tokenizer': ['src/metering/'],
  ioredis: ['src/stores/redis/'],
  jose: ['src/access/'],
  mollitia: ['src/routing/circuit.ts'],
  pino: ['src/telemetry/'],
  'prom-client': ['src/telemetry/'],
  unpdf: ['src/files/pdf-pages.ts'],
  undici: ['src/providers/', 'src/stores/supabase/', 'src/core/safe-fetch.ts'],
  ws: ['src/doors/websocket/'],
  yaml: ['src/config/'],
  zod: ['src/config/', 'src/doors/mcp/'],
}

/** Imports go down only, and never to a neighbour. */
export const layerFence: Rule = files =>
  select(files, 'src').flatMap(({ path, text }) => [
    ...unplaced(path),
    ...importsOf(text).flatMap(({ line, specifier, typeOnly }) => {
      const target = targetOf(path, specifier)
      const why =
        target === undefined ? undefined : (trespass(path, target, typeOnly) ?? reads(path, target, typeOnly))
      return why === undefined ? [] : [`${path}:${line}: imports ${specifier}: ${why}`]
    }),
  ])

/** A third-party library is known to one folder only, and every library has its owner. */
export const libraryOwners: Rule = files =>
  select(files, 'src').flatMap(({ path, text }) =>
    importsOf(text).flatMap(({ line, specifier }) => {
      const name = packageOf(specifier)
      if (name === undefined) return []
      const owner = owners[name]
      if (owner === undefined)
        return [`${path}:${line}: ${name} has no owner: add it to tests/support/tidy-imports.ts`]
      if (owner.some(place => (place.endsWith('/') ? path.startsWith(place) : path === place))) return []
      return [`${path}:${line}: ${name} belongs to ${owner.join(' and ')}`]
    }),
  )

/** The package that a specifier names, or undefined for Node's own, generated and relative modules. */
export function packageOf(specifier: string): string | undefined {
  if (/^(?:[./#]|node:)/.test(specifier)) return undefined
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** The packages that these files import, each with one place where it happens. */
export function importedPackages(files: readonly ProjectFile[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { path, text } of files) {
    for (const { line, specifier } of importsOf(text)) {
      const name = packageOf(specifier)
      if (name !== undefined && !found.has(name)) found.set(name, `${path}:${line}`)
    }
  }
  return found
}

function targetOf(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#gen/')) return 'gen/ts'
  if (!specifier.startsWith('.')) return undefined
  return posix.join(posix.dirname(from), specifier)
}

function unplaced(path: string): readonly string[] {
  return rank(partOf(path)) === undefined ? [`${path}: ${partOf(path)} is in no layer`] : []
}

function trespass(from: string, to: string, typeOnly: boolean): string | undefined {
  // The version has one home.
  if (from === 'src/main.ts' && to === 'package.json') return undefined
  const [fromPart, toPart] = [partOf(from), partOf(to)]
  if (fromPart === toPart) return strangers(from, to) ? 'its parts are strangers to one another' : undefined
  const [fromRank, toRank] = [rank(fromPart), rank(toPart)]
  if (toRank === undefined) return 'it is outside of src and gen'
  if (fromRank === undefined || fromRank < toRank) return undefined
  // A door is what the server opens: it knows the shape of that, and nothing of its workings.
  if (fromPart === 'doors' && toPart === 'server' && typeOnly) return undefined
  return fromRank === toRank ? `${fromPart} and ${toPart} are strangers` : `${toPart} is above ${fromPart}`
}

// Below the gateway the configuration is a value that is passed in; only its shape is known.
function reads(from: string, to: string, typeOnly: boolean): string | undefined {
  const fromRank = rank(partOf(from)) ?? 0
  if (typeOnly || partOf(to) !== 'config' || partOf(from) === 'config') return undefined
  return fromRank > layers.findIndex(layer => layer.includes('gateway'))
    ? 'only types come from config here: import type'
    : undefined
}

function strangers(from: string, to: string): boolean {
  const [fromFolder, toFolder] = [from.split('/'), to.split('/')]
  if (!folders.has(partOf(from)) || fromFolder.length < 4 || toFolder.length < 4) return false
  if (floors.has(toFolder.slice(0, 3).join('/'))) return false
  return fromFolder[2] !== toFolder[2]
}

// src/main.ts is the part "main", src/doors/connect/chat.ts is "doors", gen/ts/… is "gen".
function partOf(path: string): string {
  const [top = '', second = ''] = path.split('/')
  return top === 'src' ? second.replace(/\.ts$/, '') : top
}

function rank(part: string): number | undefined {
  const index = layers.findIndex(layer => layer.includes(part))
  return index < 0 ? undefined : index
}
