// The files of the log of a running service, and what changes while it runs.
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { postJson } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { runCommand, type Service, startService, testWorkers } from '../support/running-server.ts'

/** How many calls may end while a worker gathers its lines. */
const OUT_OF_ORDER = 10

let folder: string
let service: Service | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'exai-logs-'))
})
afterEach(async () => {
  await service?.stop()
  service = undefined
  rmSync(folder, { recursive: true, force: true })
})

const ask = (id: string, model = 'sandbox') =>
  postJson(
    service?.url ?? '',
    'Complete',
    { model, messages: [{ role: 'ROLE_USER', content: [{ text: 'hello' }] }] },
    { 'x-request-id': id },
  )
/** A probe has a line at debug only. */
const probe = () =>
  fetch(`${service?.url}/grpc.health.v1.Health/Check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
const read = (name: string) =>
  readFileSync(join(folder, name), 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

it('LOG_DIR has app.log, access.log, ws.log and error.log, and standard output has all of it', async () => {
  service = await startService({ LOG_DIR: folder })
  await ask('good')
  await ask('bad', 'no-such-model')
  await eventually(() => expect(read('access.log').map(line => line.request_id)).toEqual(['good', 'bad']))
  expect(read('access.log').every(line => line.channel === 'access')).toBe(true)
  expect(read('app.log').some(line => line.msg === 'listening' && line.channel === 'app')).toBe(true)
  expect(readdirSync(folder).toSorted()).toEqual(['access.log', 'app.log', 'error.log', 'ws.log'])
  expect(read('error.log')).toEqual([])
  // The files may be ahead of standard output.
  await service.call('bad')
  expect(service.calls('good')).toHaveLength(1)
  await service.stop()
  expect(read('app.log').at(-1).msg).toBe('stopped')
  service = undefined
})

it('a full file is put aside, no line is lost, and only so many are kept', async () => {
  service = await startService({ LOG_DIR: folder, LOG_FILE_BYTES: '4096', LOG_FILES: '3' })
  const ids = Array.from({ length: 30 }, (_, at) => `call-${at}`)
  for (const id of ids) await ask(id)
  await service.stop()
  const names = readdirSync(folder).filter(name => name.startsWith('access'))
  expect(names.toSorted()).toEqual(['access.1.log', 'access.2.log', 'access.3.log', 'access.log'])
  const kept = ['access.3.log', 'access.2.log', 'access.1.log', 'access.log'].flatMap(name =>
    read(name).map(line => String(line.request_id)),
  )
  if (testWorkers() === 1) expect(kept).toEqual(ids.slice(-kept.length))
  // Lines of different workers may stand a little out of order, and so may those that were put away first.
  else expect(kept).toEqual(expect.arrayContaining(ids.slice(OUT_OF_ORDER - kept.length)))
  expect(new Set(kept).size).toBe(kept.length)
  service = undefined
})

it('after SIGHUP a file that was moved away is begun anew under its name', async () => {
  service = await startService({ LOG_DIR: folder })
  await ask('before')
  await eventually(() => expect(read('access.log')).toHaveLength(1))
  renameSync(join(folder, 'access.log'), join(folder, 'moved.log'))
  service.signal('SIGHUP')
  await service.line(({ msg }) => msg === 'config file read again')
  await ask('after')
  await eventually(() => expect(read('access.log').map(line => line.request_id)).toEqual(['after']))
  expect(read('moved.log').map(line => line.request_id)).toEqual(['before'])
})

it('a folder that cannot be made is a mistake in the settings', async () => {
  writeFileSync(join(folder, 'file'), '')
  const { code, stderr } = await runCommand([], { env: { PORT: '0', LOG_DIR: join(folder, 'file', 'logs') } })
  expect(code).toBe(78)
  expect(stderr).toContain('LOG_DIR cannot be made')
})

it('log_level in the config file changes what is logged while it runs', async () => {
  const path = join(folder, 'exai.yaml')
  writeFileSync(path, 'log_level: info\n')
  service = await startService({ EXAI_CONFIG: path })
  await probe()
  const isDebug = ({ level }: Readonly<Record<string, unknown>>): boolean => level === 'debug'
  expect(service.log().some(isDebug)).toBe(false)
  writeFileSync(path, 'log_level: debug\n')
  await service.line(({ msg, configVersion }) => msg === 'configuration taken' && configVersion === 2)
  await probe()
  await service.line(isDebug)
  writeFileSync(path, 'log_level: loud\n')
  const refused = await service.line(({ msg }) => String(msg).startsWith('configuration refused'))
  expect(JSON.stringify(refused)).toContain('log_level')
})

it('LOG_LEVEL in .env changes with SIGHUP, without a restart', async () => {
  service = await startService({}, { files: { '.env': 'LOG_LEVEL=info\n' } })
  writeFileSync(`/proc/${service.pid}/cwd/.env`, 'LOG_LEVEL=debug\n')
  service.signal('SIGHUP')
  await service.line(({ msg }) => msg === 'config file read again')
  await probe()
  await service.line(({ level }) => level === 'debug')
  expect(service.log().some(({ msg }) => String(msg).includes('need a restart'))).toBe(false)
})

it('with LOG_SAMPLE_RATIO=0 only failed calls have a line', async () => {
  service = await startService({ LOG_SAMPLE_RATIO: '0' })
  await ask('good')
  await ask('bad', 'no-such-model')
  await service.call('bad')
  expect(service.calls('good')).toEqual([])
})
