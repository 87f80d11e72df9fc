// Plays a short rolling update behind a real proxy, with the scripts that a deployment uses and real processes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS } from '../rolling/parts.ts'
import { rehearse } from '../rolling/rehearsal.ts'
import { problemsOf, reportOf, sumOf } from '../rolling/report.ts'
import { root, tool } from '../support/tools.ts'

const haproxy = tool('haproxy')?.path
const redis = tool('redis-server')

describe.runIf(haproxy !== undefined && redis !== undefined)('a rolling update', () => {
  it('fails no call and cuts no stream, of clients that never try again and of ours', async () => {
    const load = { callsPerSecond: 30, streamsPerSecond: 3, streamSeconds: 4 }
    const result = await rehearse({
      ...load,
      haproxy: haproxy ?? '',
      scripts: ['rolling.sh'],
      callers: 'all',
      // Two checks of the proxy, half a second apart, and as much again for a machine with other work.
      settings: { ...SETTINGS, DRAIN_DELAY: '2' },
      aroundSeconds: 1,
    })
    expect(problemsOf(result)).toEqual([])
    expect(result.endings.map(({ instance }) => instance)).toEqual(['blue-1', 'blue-2'])
    expect(result.said).toContain('replaced blue-1 and blue-2')
    // Each was replaced under load.
    for (const { running } of result.endings) expect(running).toBeGreaterThan(0)
    const [unary, streams] = [sumOf(result.unary), sumOf(result.streams)]
    expect(unary.sent).toBeGreaterThan(100)
    expect(streams.sent).toBeGreaterThan(10)
    // Nothing was asked twice.
    expect(result.upstreamCalls).toBe(unary.sent + streams.sent)
    const report = reportOf([{ name: 'smoke', result }], { date: 'today', machine: 'this one', load })
    expect(report).toMatch(/^\| smoke +\| +2 \|/m)
  }, 150_000)
})

it('is rehearsed with the settings that compose.yaml has', () => {
  const text = readFileSync(join(root, 'deploy/compose/compose.yaml'), 'utf8')
  // A variable with a default is that default where nobody sets it.
  const compose = parse(text.replaceAll(/\$\{\w+:-(\w+)\}/g, '$1'), { merge: true })
  expect(compose.services['exai-blue-1'].environment).toMatchObject(SETTINGS)
})
