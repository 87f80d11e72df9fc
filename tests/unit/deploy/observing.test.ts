// The rules for Prometheus and the dashboard for Grafana: sound by the tools' own checks, and about metrics that exist.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { METRICS } from '../../../src/telemetry/metric-table.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { root, tool } from '../../support/tools.ts'

const folder = join(root, 'deploy/prometheus')
const promtool = tool('promtool')?.path
const rules = readFileSync(join(folder, 'alerts.yml'), 'utf8')
const dashboard = JSON.parse(readFileSync(join(root, 'deploy/grafana/exai.json'), 'utf8'))

/** Every name that a scrape can show, with what histograms append. */
async function namesInScrapes(): Promise<ReadonlySet<string>> {
  const { body } = await createMetrics({ providers: [], models: [], methods: [] }).text()
  const defaults = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }))
  const own = Object.values(METRICS).map(({ name, type }) => ({ name, type }))
  const all = [...own, ...defaults].flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  )
  return new Set(['up', ...all])
}

const namesIn = (expression: string): readonly string[] =>
  expression.match(/\b(?:exai|gen_ai|process|nodejs)_[a-z0-9_]+(?=[{[ )=]|$)/g) ?? []

describe('the rules for Prometheus', () => {
  test.runIf(promtool).each([
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ])('pass promtool %s %s %s', (...args) => {
    const { status, stdout, stderr } = spawnSync(promtool ?? '', args, { cwd: folder, encoding: 'utf8' })
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' })
  })

  test('are about metrics that exist', async () => {
    const known = await namesInScrapes()
    const used = rules
      .split('\n')
      .filter(line => !/^\s*(?:#|summary:|description:)/.test(line))
      .flatMap(namesIn)
      .filter(name => !name.startsWith('gen_ai_provider'))
    expect(used.length).toBeGreaterThan(15)
    expect(used.filter(name => !known.has(name))).toEqual([])
  })

  test('each have a test, a severity and what to do', () => {
    const names = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name)
    const tests = readFileSync(join(folder, 'alerts.test.yml'), 'utf8')
    expect(names.length).toBeGreaterThan(10)
    for (const name of names) expect(tests).toContain(`alertname: ${name}\n        exp_alerts:\n`)
    for (const word of ['severity:', 'summary:', 'description:'])
      expect(rules.split(word).length - 1).toBe(names.length)
  })
})

describe('the dashboard for Grafana', () => {
  type Panel = {
    readonly id: number
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets: readonly { readonly expr: string }[]
  }
  const panels: readonly Panel[] = dashboard.panels

  test('asks only for metrics that exist', async () => {
    const known = await namesInScrapes()
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        const names = namesIn(expr).filter(name => !name.startsWith('gen_ai_provider'))
        expect({ title, count: names.length > 0 }).toEqual({ title, count: true })
        expect({ title, unknown: names.filter(name => !known.has(name)) }).toEqual({ title, unknown: [] })
      }
    }
  })

  test('has panels with ids and places of their own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const one of panels) {
      expect(one.gridPos.x + one.gridPos.w).toBeLessThanOrEqual(24)
      for (const other of panels) {
        if (one === other) continue
        const [a, b] = [one.gridPos, other.gridPos]
        const isApart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
        expect({ panels: [one.title, other.title], isApart }).toMatchObject({ isApart: true })
      }
    }
  })

  test.runIf(promtool)('has queries that Prometheus can read', () => {
    const queries = panels.flatMap(({ targets }) =>
      targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')),
    )
    const groups = [{ name: 'g', rules: queries.map((expr, at) => ({ record: `q${at}`, expr })) }]
    const place = mkdtempSync(join(tmpdir(), 'exai-queries-'))
    const file = join(place, 'queries.json')
    writeFileSync(file, JSON.stringify({ groups }))
    const check = spawnSync(promtool ?? '', ['check', 'rules', file], { encoding: 'utf8' })
    rmSync(place, { recursive: true })
    expect({ status: check.status, said: check.stderr }).toMatchObject({ status: 0 })
  })
})
