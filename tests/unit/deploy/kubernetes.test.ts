// The manifests for Kubernetes: what kustomize makes of them fits the API of an old version and a new one, and speaks of what exists.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import manifest from '../../../package.json' with { type: 'json' }
import { METRICS } from '../../../src/telemetry/metric-table.ts'
import { root, tool } from '../../support/tools.ts'
import { settingNames } from './settings.ts'

const folder = join(root, 'deploy/kubernetes')
const kustomize = tool('kustomize')?.path
const validate = tool('kubernetes-validate')?.path
const VERSIONS = ['1.32', '1.37'] as const
const FOLDERS = ['base', 'overlays/volumes'] as const

/** What kustomize makes of a folder. */
function built(name: string): string {
  const { status, stdout, stderr } = spawnSync(kustomize ?? '', ['build', join(folder, name)], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

/** What stands under a path; undefined where it ends. A number is a place in a list. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (each, key) => (typeof each === 'object' && each !== null ? Reflect.get(each, key) : undefined),
    value,
  )
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const all = (name: string): readonly unknown[] =>
  parseAllDocuments(built(name)).map(document => document.toJS())
const only = (things: readonly unknown[], kind: string): unknown => {
  const found = things.filter(thing => at(thing, 'kind') === kind)
  if (found.length === 0) throw new Error(`there is no ${kind}`)
  return found[0]
}

/** What the validator says of a text, empty when it is well. */
function complaints(text: string, version: string): string {
  const place = mkdtempSync(join(tmpdir(), 'exai-manifests-'))
  const file = join(place, 'all.yaml')
  writeFileSync(file, text)
  const args = ['--strict', '--quiet', '-k', version, file]
  const { status, stdout, stderr } = spawnSync(validate ?? '', args, { encoding: 'utf8' })
  rmSync(place, { recursive: true })
  return status === 0 ? '' : stdout + stderr
}

describe.runIf(kustomize !== undefined && validate !== undefined)('the manifests', () => {
  test.each(FOLDERS.flatMap(name => VERSIONS.map(version => [name, version] as const)))(
    '%s fit the API of Kubernetes %s, without a field that it does not know',
    (name, version) => {
      expect(complaints(built(name), version)).toBe('')
    },
  )

  test('would not pass with a misspelt field, or a number for a text', () => {
    const text = built('base')
    const misspelt = text.replace('readinessProbe:', 'readynessProbe:')
    expect(complaints(misspelt, '1.37')).toContain('readynessProbe')
    const number = text.replace('value: "8080"', 'value: 8080')
    expect(number).not.toBe(text)
    expect(complaints(number, '1.37')).toContain('8080')
  })
})

describe.runIf(kustomize).each([
  ['base', 'Deployment'],
  ['overlays/volumes', 'StatefulSet'],
] as const)('%s', (name, kind) => {
  const things = kustomize === undefined ? [] : all(name)
  const workload = kustomize === undefined ? undefined : only(things, kind)
  const pod = at(workload, 'spec', 'template', 'spec')
  const container = at(pod, 'containers', 0)
  const settings = at(
    things.find(thing => String(at(thing, 'metadata', 'name')).startsWith('exai-settings')),
    'data',
  )

  test('runs one exai-mcp-server of this version', () => {
    expect(at(workload, 'metadata', 'name')).toBe('exai-mcp-server')
    expect(things.filter(thing => ['Deployment', 'StatefulSet'].includes(String(at(thing, 'kind'))))).toEqual(
      [workload],
    )
    expect(at(container, 'image')).toBe(`exai-mcp-server:${manifest.version}`)
  })

  test('names settings that exist', () => {
    const names = [
      ...list(at(container, 'env')).map(each => String(at(each, 'name'))),
      ...Object.keys(settings ?? {}),
    ]
    expect(names).toContain('DRAIN_TIMEOUT')
    expect(names.filter(each => !settingNames.has(each))).toEqual([])
  })

  test('runs without rights, on a file system that cannot be written to but for its volumes', () => {
    expect(at(pod, 'securityContext')).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 })
    expect(at(container, 'securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(at(pod, 'automountServiceAccountToken')).toBe(false)
    const mounts = list(at(container, 'volumeMounts')).map(each => at(each, 'name'))
    const claimed = list(at(workload, 'spec', 'volumeClaimTemplates')).map(each =>
      at(each, 'metadata', 'name'),
    )
    const volumes = list(at(pod, 'volumes')).map(each => at(each, 'name'))
    expect([...volumes, ...claimed].sort()).toEqual(mounts.toSorted())
    expect(claimed).toEqual(kind === 'StatefulSet' ? ['data'] : [])
  })

  test('asks the port where it listens, for names that grpc.health has', () => {
    const env = list(at(container, 'env'))
    const port = Number(
      at(
        env.find(each => at(each, 'name') === 'PORT'),
        'value',
      ),
    )
    expect(at(container, 'ports', 0, 'containerPort')).toBe(port)
    expect(at(container, 'startupProbe', 'grpc')).toEqual({ port, service: 'live' })
    expect(at(container, 'livenessProbe', 'grpc')).toEqual({ port, service: 'live' })
    expect(at(container, 'readinessProbe', 'grpc')).toEqual({ port })
  })

  test('looks unready before it takes no more calls, and has the time to end', () => {
    const drainDelay = Number(at(settings, 'DRAIN_DELAY'))
    const probe = at(container, 'readinessProbe')
    expect(Number(at(probe, 'periodSeconds')) * Number(at(probe, 'failureThreshold'))).toBeLessThan(
      drainDelay,
    )
    const [, waitMs = ''] =
      /WAIT_MS = ([\d_]+)/.exec(readFileSync(join(folder, 'base/pre-stop.mjs'), 'utf8')) ?? []
    const needed =
      Number(waitMs.replaceAll('_', '')) / 1000 + drainDelay + Number(at(settings, 'DRAIN_TIMEOUT'))
    expect(at(pod, 'terminationGracePeriodSeconds')).toBeGreaterThanOrEqual(needed + 20)
    expect(at(container, 'lifecycle', 'preStop', 'exec', 'command')).toEqual([
      'node',
      '/scripts/pre-stop.mjs',
    ])
  })

  test('selects its pods by labels that they have', () => {
    const labels = at(workload, 'spec', 'template', 'metadata', 'labels')
    const selectors = [
      at(workload, 'spec', 'selector', 'matchLabels'),
      ...things.filter(each => at(each, 'kind') === 'Service').map(each => at(each, 'spec', 'selector')),
      at(only(things, 'PodDisruptionBudget'), 'spec', 'selector', 'matchLabels'),
      at(only(things, 'NetworkPolicy'), 'spec', 'podSelector', 'matchLabels'),
    ]
    expect(selectors).toHaveLength(5)
    for (const selector of selectors) expect(labels).toMatchObject(Object(selector))
  })

  test('is counted by a metric that exists', () => {
    const scaler = only(things, 'HorizontalPodAutoscaler')
    expect(at(scaler, 'spec', 'scaleTargetRef')).toEqual({
      apiVersion: 'apps/v1',
      kind,
      name: 'exai-mcp-server',
    })
    const counted = at(scaler, 'spec', 'metrics', 0, 'pods', 'metric', 'name')
    const adapter: unknown = parse(readFileSync(join(folder, 'prometheus-adapter.yaml'), 'utf8'))
    const rule = list(at(adapter, 'rules', 'custom')).find(each => at(each, 'name', 'as') === counted)
    expect(rule).toBeDefined()
    const names = Object.values(METRICS).map(each => each.name)
    for (const field of ['seriesQuery', 'metricsQuery']) {
      const used = String(at(rule, field)).match(/exai_\w+/g) ?? []
      expect({ field, used: used.length }).toEqual({ field, used: 1 })
      expect(names).toContain(used[0])
    }
  })

  test('takes calls on its port, and calls nobody private but DNS and Redis', () => {
    const policy = only(things, 'NetworkPolicy')
    expect(at(policy, 'spec', 'policyTypes')).toEqual(['Ingress', 'Egress'])
    const ports = (rules: unknown) =>
      list(rules).map(rule =>
        list(at(rule, 'ports')).map(each => `${at(each, 'port')}/${at(each, 'protocol')}`),
      )
    expect(ports(at(policy, 'spec', 'ingress'))).toEqual([['8080/TCP']])
    expect(ports(at(policy, 'spec', 'egress'))).toEqual([['53/UDP', '53/TCP'], ['6379/TCP'], ['443/TCP']])
    expect(at(policy, 'spec', 'egress', 2, 'to', 0, 'ipBlock', 'except')).toContain('169.254.0.0/16')
  })
})
