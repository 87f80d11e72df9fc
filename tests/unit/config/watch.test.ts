// The watched config file: each way in which editors and Kubernetes change one, and what a bad change leaves in place.

import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configSource, loadConfig } from '../../../src/config/config.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { type ConfigWatchDeps, watchConfig } from '../../../src/config/watch.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'

const cleanups: (() => unknown)[] = []
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exai-watch-'))
})
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
  await rm(folder, { recursive: true, force: true })
})

const naming = (name: string): string =>
  `providers: [{ name: ${name}, kind: openai-compatible, base_url: "http://127.0.0.1:1" }]\n`
const BROKEN = 'providers: [{ name: Wrong Name }]\n'

/** A watch over a file of this name, which is there already, and everything that came of it. */
async function watching(name = 'exai.yaml', over: Partial<ConfigWatchDeps> = {}) {
  const env = { EXAI_CONFIG: name }
  const config = await loadConfig({ env, cwd: folder, readFile: path => readFileSync(path, 'utf8') })
  const source = configSource(config, env)
  if (source === undefined) throw new Error('a named file is a source')
  const taken: Snapshot[] = []
  const events: GatewayEvent[] = []
  const watch = watchConfig({
    source,
    version: config.snapshot.version,
    take: snapshot => void taken.push(snapshot),
    onEvent: event => void events.push(event),
    ...over,
  })
  cleanups.push(watch.close)
  return { watch, events, taken, names: () => taken.map(namesOf), problems: () => events.flatMap(problemsOf) }
}

const namesOf = ({ version, providers }: Snapshot) => `${version} ${providers.at(-2)?.id}`
const problemsOf = (event: GatewayEvent) => (event.type === 'config.refused' ? event.problems : [])
const told = (event: GatewayEvent) => ('version' in event ? `${event.type} ${event.version}` : event.type)
const path = (name = 'exai.yaml') => join(folder, name)
const write = (text: string, name = 'exai.yaml') => writeFile(path(name), text)
/** By then a change that is coming has come: a watch reads after 50 ms, and once more after 100. */
const settled = () => new Promise(resolve => setTimeout(resolve, 350))

describe('a change of the file', () => {
  it('is taken when it is written in place, with the next number, and told', async () => {
    await write(naming('one'))
    const { names, events } = await watching()
    await write(naming('two'))
    await expect.poll(names).toEqual(['2 two'])
    await write(naming('three'))
    await expect.poll(names).toEqual(['2 two', '3 three'])
    expect(events).toEqual([
      { type: 'config.taken', version: 2 },
      { type: 'config.taken', version: 3 },
    ])
  })

  it('is taken when another file is put in its place, again and again', async () => {
    await write(naming('one'))
    const { names } = await watching()
    for (const [index, name] of ['two', 'three', 'four'].entries()) {
      await write(naming(name), '.exai.yaml.swp')
      await rename(path('.exai.yaml.swp'), path())
      await expect.poll(() => names()[index]).toBe(`${index + 2} ${name}`)
    }
  })

  it('is taken when the folder behind a link is exchanged, as Kubernetes does', async () => {
    for (const [version, name] of [
      ['..v1', 'one'],
      ['..v2', 'two'],
      ['..v3', 'three'],
    ] as const) {
      await mkdir(path(version))
      await write(naming(name), join(version, 'exai.yaml'))
    }
    await symlink('..v1', path('..data'))
    await symlink(join('..data', 'exai.yaml'), path())
    const { names } = await watching()
    for (const [index, version] of ['..v2', '..v3'].entries()) {
      await symlink(version, path('..data_tmp'))
      await rename(path('..data_tmp'), path('..data'))
      await expect.poll(() => names().length).toBe(index + 1)
    }
    expect(names()).toEqual(['2 two', '3 three'])
  })

  it('that came between the start and the watch is found', async () => {
    await write(naming('one'))
    const env = { EXAI_CONFIG: 'exai.yaml' }
    const config = await loadConfig({ env, cwd: folder, readFile: () => naming('zero') })
    const source = configSource(config, env)
    const { names } = await watching('exai.yaml', source === undefined ? {} : { source })
    await expect.poll(names).toEqual(['2 one'])
  })

  it('is found in a while where the system does not tell of it', async () => {
    await mkdir(path('real'))
    await write(naming('one'), join('real', 'exai.yaml'))
    await symlink(join('real', 'exai.yaml'), path())
    const { names } = await watching('exai.yaml', { pollMs: 30 })
    await settled()
    await write(naming('two'), join('real', 'exai.yaml'))
    await expect.poll(names).toEqual(['2 two'])
  })

  it('that changes nothing makes no version', async () => {
    await write(naming('one'))
    const { watch, events } = await watching()
    await utimes(path(), new Date(), new Date())
    await write(naming('one'))
    await settled()
    expect(await watch.reread()).toBe('unchanged')
    expect(events).toEqual([])
  })

  it('that is written piece by piece is read when it is whole', async () => {
    await write(naming('one'))
    const { names, events } = await watching()
    // Each piece is a valid file of its own, or none at all.
    for (const text of [
      '',
      'providers:\n',
      `${naming('two')}aliases: { fast:`,
      `${naming('two')}aliases: { fast: two/m }\n`,
    ])
      await write(text)
    await expect.poll(names).toEqual(['2 two'])
    await settled()
    expect(events).toEqual([{ type: 'config.taken', version: 2 }])
  })

  it('that never rests is read all the same', async () => {
    await write(naming('one'))
    const { taken } = await watching('exai.yaml', { quietMs: 60_000 })
    await write(naming('two'))
    await expect.poll(() => taken.length, { timeout: 5000 }).toBe(1)
  })
})

describe('a bad change', () => {
  it('leaves the old in place, and says once what is wrong with it, with its lines', async () => {
    await write(naming('one'))
    const { watch, taken, events } = await watching()
    await write(`${BROKEN}aliases: { auto: x }\n`)
    await expect
      .poll(() => events)
      .toEqual([
        {
          type: 'config.refused',
          version: 1,
          problems: [
            'exai.yaml:1: providers[0].name must be 1 to 32 lower-case letters, digits and dashes, a letter first',
          ],
        },
      ])
    await settled()
    expect(events.length).toBe(1)
    expect(taken).toEqual([])
    // Who asks is told again.
    expect(await watch.reread()).toBe('refused')
    expect(events.length).toBe(2)
  })

  it('is followed by the next number when it is mended, and by the one in use when it is taken back', async () => {
    await write(naming('one'))
    const { names, events } = await watching()
    await write(BROKEN)
    await expect.poll(() => events.length).toBe(1)
    await write(naming('two'))
    await expect.poll(names).toEqual(['2 two'])
    await write(BROKEN)
    await expect.poll(() => events.length).toBe(3)
    await write(naming('two'))
    await expect
      .poll(() => events.map(told))
      .toEqual(['config.refused 1', 'config.taken 2', 'config.refused 2', 'config.taken 2'])
    // The same mistake is a new one after a good file.
    await write(BROKEN)
    await expect.poll(() => events.length).toBe(5)
  })

  it('may be a file that is gone, and its return brings what is new in it', async () => {
    await write(naming('one'))
    const { names, problems } = await watching()
    await rm(path())
    await expect
      .poll(problems)
      .toEqual([
        'EXAI_CONFIG names a file that cannot be read (ENOENT): put it back, or correct its permissions',
      ])
    await write(naming('two'))
    await expect.poll(names).toEqual(['2 two'])
  })

  it('may be a file without anything in it', async () => {
    await write(naming('one'))
    const { taken, problems } = await watching()
    await write(' \n')
    await expect.poll(problems).toEqual(['exai.yaml is empty: write {} for a configuration without anything'])
    await write('{}\n')
    await expect.poll(() => taken.length).toBe(1)
    expect(taken[0]).toMatchObject({ version: 2, models: [] })
  })

  it('may be one that cannot be put into use, for whatever reason', async () => {
    await write(naming('one'))
    const faults = [new GatewayError('INVALID_REQUEST', 'two has no base URL'), new Error('secret-of-two')]
    const { names, problems, taken } = await watching('exai.yaml', {
      take(snapshot) {
        const fault = snapshot.providers.at(-2)?.id === 'two' ? faults[0] : faults[1]
        if (snapshot.providers.at(-2)?.id !== 'four') throw fault
        taken.push(snapshot)
      },
    })
    await write(naming('two'))
    await expect.poll(problems).toEqual(['exai.yaml cannot be used: two has no base URL'])
    await write(naming('three'))
    await expect.poll(() => problems()[1]).toBe('exai.yaml cannot be used: internal error')
    await write(naming('four'))
    await expect.poll(names).toEqual(['2 four'])
  })
})

describe('a watch', () => {
  it('that is closed takes nothing any more', async () => {
    await write(naming('one'))
    const { watch, events } = await watching('exai.yaml', { pollMs: 20 })
    await write(naming('two'))
    watch.close()
    expect(await watch.reread()).toBe('unchanged')
    await settled()
    expect(events).toEqual([])
  })

  it('reads at once when it is asked to', async () => {
    await write(naming('one'))
    const { watch, names } = await watching('exai.yaml', { quietMs: 60_000 })
    await write(naming('two'))
    expect(await watch.reread()).toBe('taken')
    expect(names()).toEqual(['2 two'])
    expect(await watch.reread()).toBe('unchanged')
  })
})
