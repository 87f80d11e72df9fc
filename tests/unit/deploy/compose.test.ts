// The example for compose: sound by the tools' own checks, and about instances, settings, ports and paths that exist.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { INSTANCES, orderOf } from '../../rolling/order.ts'
import { root, tool } from '../../support/tools.ts'
import { settingNames } from './settings.ts'

const folder = join(root, 'deploy/compose')
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
const proxyConfig = read('haproxy.cfg')

type Service = {
  readonly image: string
  readonly profiles?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly stop_grace_period?: string
  readonly depends_on?: Readonly<Record<string, unknown>>
}
const compose: {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
} = parse(read('compose.yaml'), { merge: true })

const { proxy, redis, ...exai } = compose.services
const seconds = (text: string | undefined): number => Number(/^(\d+)s$/.exec(text ?? '')?.[1])

describe('compose.yaml', () => {
  test('has an instance for each that the proxy knows, and nothing else beside the proxy and Redis', () => {
    expect(Object.keys(exai).sort()).toEqual(INSTANCES.map(name => `exai-${name}`).sort())
    expect(redis?.image).toMatch(/^redis:\d/)
    expect(proxy?.image).toMatch(/^haproxy:\d/)
  })

  test.each(Object.entries(exai))('runs %s without rights, on a volume of its own', (name, service) => {
    const own = name.slice('exai-'.length)
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], volumes: [`${own}:/data`] })
    expect(service.profiles).toEqual([own.split('-')[0]])
    expect(service.environment['DATA_DIR']).toBe('/data')
    expect(Object.keys(compose.volumes)).toContain(own)
    expect(Object.keys(service.depends_on ?? {})).toEqual(['redis'])
  })

  test('names settings that exist, the same for every instance', () => {
    const [first, ...others] = Object.values(exai).map(({ environment }) => environment)
    const names = Object.keys(first ?? {})
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter(name => !settingNames.has(name))).toEqual([])
    for (const other of others) expect(other).toEqual(first)
  })

  test('asks for no variable that env.example does not name, and that one for none in vain', () => {
    const asked = [...read('compose.yaml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name)
    const named = [...read('env.example').matchAll(/^(\w+)=/gm)].map(([, name]) => name)
    expect([...new Set([...asked, 'COMPOSE_PROFILES'])].sort()).toEqual(named.sort())
  })

  test('gives an instance the time to look unready, to end its calls, and 15 s to say so and to end', () => {
    for (const { environment, stop_grace_period: grace } of Object.values(exai)) {
      const needed = Number(environment['DRAIN_DELAY']) + Number(environment['DRAIN_TIMEOUT']) + 15
      expect(seconds(grace)).toBeGreaterThanOrEqual(needed)
    }
    expect(seconds(proxy?.stop_grace_period)).toBeGreaterThanOrEqual(600)
  })

  test('gives the proxy all that its file asks the environment for, and shows its states to this machine alone', () => {
    const asked = new Set([...proxyConfig.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name))
    expect(Object.keys(proxy?.environment ?? {}).sort()).toEqual([...asked].sort())
    for (const instance of INSTANCES) {
      const variable = `EXAI_${instance.toUpperCase().replace('-', '_')}`
      const { environment } = exai[`exai-${instance}`] ?? {}
      expect(proxy?.environment[variable]).toBe(`exai-${instance}:${environment?.['PORT']}`)
    }
    expect(proxy?.ports?.map(port => port.split(':').at(-1))).toEqual(['8080', '8404'])
    expect(proxy?.ports?.[1]).toMatch(/^127\.0\.0\.1:/)
    expect(proxy?.environment['PROXY_ADMIN']).toMatch(/^127\.0\.0\.1:/)
  })
})

describe('haproxy.cfg', () => {
  test('looks away from an instance that leaves before that one takes no more calls', () => {
    const [, interval, fall] = /inter (\d+)ms fall (\d+)/.exec(proxyConfig) ?? []
    const drainDelayMs = Number(exai['exai-blue-1']?.environment['DRAIN_DELAY']) * 1000
    // One interval more: the first check may come right before the drain begins. Each may take an interval to fail.
    expect(Number(interval) * (Number(fall) + 1) * 2).toBeLessThanOrEqual(drainDelayMs)
  })

  test('takes no instance for gone that is only slow', () => {
    const [, check] = /timeout check (\d+)s/.exec(proxyConfig) ?? []
    expect(Number(check)).toBeGreaterThanOrEqual(2)
  })

  test('never asks twice for what may have been begun', () => {
    expect([...proxyConfig.matchAll(/^\s*retry-on (.*)$/gm)].map(([, when]) => when)).toEqual([
      'conn-failure',
    ])
  })

  test.runIf(tool('haproxy'))('passes the check of haproxy', () => {
    const addresses = INSTANCES.map((instance, index) => [
      `EXAI_${instance.toUpperCase().replace('-', '_')}`,
      `127.0.0.1:${index + 1}`,
    ])
    const env = {
      PROXY_CALLS: '127.0.0.1:1',
      PROXY_STATES: '127.0.0.1:2',
      PROXY_ADMIN: '127.0.0.1:3',
      PROXY_ACTIVE: join(folder, 'active.map'),
      ...Object.fromEntries(addresses),
    }
    const args = ['-c', '-f', join(folder, 'haproxy.cfg')]
    const { status, stdout, stderr } = spawnSync(tool('haproxy')?.path ?? '', args, { env, encoding: 'utf8' })
    expect({ status, said: stderr }).toEqual({ status: 0, said: '' })
    expect(stdout).toContain('Configuration file is valid')
  })
})

describe('the scripts', () => {
  const scripts = readdirSync(folder).filter(name => name.endsWith('.sh'))

  test.each(scripts)('%s can be read by bash', name => {
    const { status, stderr } = spawnSync('bash', ['-n', join(folder, name)], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test('those that are called can be run, and ask compose only for what is rehearsed', () => {
    const called = scripts.filter(name => read(name).startsWith('#!'))
    expect(called.sort()).toEqual(['blue-green.sh', 'rolling.sh'])
    for (const name of called) {
      expect(statSync(join(folder, name)).mode & 0o111).toBe(0o111)
      const orders = [...read(name).matchAll(/^\s*\$compose (.*?)(?: \\)?$/gm)].map(([, args = '']) =>
        orderOf(
          args
            .replaceAll('"', '')
            .replaceAll(/\$(?:colour|from|to)/g, 'blue')
            .replaceAll('$instance', 'blue-1')
            .split(' '),
        ),
      )
      expect(orders.length).toBeGreaterThan(0)
    }
  })

  test.each([
    [['up', '--wait', 'exai-blue-1'], 'docker compose up --wait exai-blue-1 is not rehearsed'],
    [['kill', 'proxy'], 'docker compose kill proxy is not rehearsed'],
    [['stop', 'redis'], 'no instance is the service redis'],
  ])('a rehearsal refuses %j', (args, message) => {
    expect(() => orderOf(args)).toThrow(message)
  })

  test('compose calls the colour that has the traffic at first', () => {
    expect(read('active.map')).toBe('active blue\n')
    expect(read('env.example')).toContain('COMPOSE_PROFILES=blue\n')
  })
})
