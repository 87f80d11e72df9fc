// What deploy/compose describes, as processes of this machine: two instances, a Redis, a provider, and the real proxy in front.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Child, startChild, untilReady } from '../support/child.ts'
import { freePorts } from '../support/free-port.ts'
import { startRedis } from '../support/redis-rig.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root, searchPath } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import { INSTANCES, type Instance, type Order, orderOf } from './order.ts'

const run = promisify(execFile)
const COMPOSE = join(root, 'deploy/compose')
const SCRIPT_MS = 300_000
const REDIS_OUT = 'redis is out: this process goes on alone'

/** What a cluster may be started with. */
export interface ClusterOptions {
  /** The program of the proxy. */
  readonly haproxy: string
  /** Settings of the instances besides their addresses. */
  readonly settings: Readonly<Record<string, string>>
  /** So long after an instance was told to end, the proxy is killed and started anew, in milliseconds. Absent: it never is. */
  readonly proxyKillMs?: number | undefined
}

/** The running whole. */
export interface Cluster {
  /** Where calls go: the proxy. */
  readonly url: string
  readonly upstream: Upstream
  /** Runs a script of deploy/compose to its end and gives what it wrote. Rejects when it fails. */
  script(name: string): Promise<string>
  /** How each process that was ended has ended: its exit code and how many calls it had to end. */
  readonly endings: readonly Ending[]
  close(): Promise<void>
}

/** How one process of an instance has ended. */
export interface Ending {
  readonly instance: Instance
  readonly code: number | null
  /** Calls that ran when it was told to end, and those of them that it had to end. */
  readonly running: number
  readonly aborted: number
  /** How often it went on without Redis; streams of others could not be found then. */
  readonly redisOuts: number
}

/** Starts everything with the blue instances. */
export async function startCluster({ haproxy, settings, proxyKillMs }: ClusterOptions): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'exai-rolling-'))
  await using opening = new AsyncDisposableStack()
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const redis = await startRedis()
  opening.defer(redis.stop)
  const upstream = await startUpstream()
  opening.defer(upstream.close)
  const [calls = 0, states = 0, admin = 0, ...ports] = await freePorts(3 + INSTANCES.length)
  const endings: Ending[] = []
  const instances = createInstances({
    portOf: instance => ports[INSTANCES.indexOf(instance)] ?? 0,
    folderOf: instance => join(folder, instance),
    env: {
      ...settings,
      REDIS_URL: redis.url,
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
    },
    onEnded: ending => void endings.push(ending),
  })
  opening.defer(() => instances.stop(INSTANCES))
  await instances.replace(['blue-1', 'blue-2'])
  const active = join(folder, 'active.map')
  await copyFile(join(COMPOSE, 'active.map'), active)
  const place = { calls, states, admin, ports, active }
  let proxy = await startProxy(haproxy, place)
  opening.defer(() => proxy.stop('SIGKILL'))
  const breakProxy = async (): Promise<void> => {
    if (proxyKillMs === undefined) return
    await sleep(proxyKillMs)
    await proxy.stop('SIGKILL')
    proxy = await startProxy(haproxy, place)
  }
  const follow = async (order: Order): Promise<void> => {
    if (order.verb === 'replace') await Promise.all([instances.replace(order.instances), breakProxy()])
    else if (order.verb === 'stop') await instances.stop(order.instances)
    else await execAt(order.command, proxy.env)
  }
  const rehearsal = await listenForOrders(follow)
  opening.defer(rehearsal.close)
  const all = opening.move()
  return {
    url: `http://127.0.0.1:${calls}`,
    upstream,
    async script(name) {
      const { stdout } = await run(join(COMPOSE, name), {
        timeout: SCRIPT_MS,
        env: {
          PATH: searchPath().join(':'),
          EXAI_COMPOSE: `${process.execPath} ${join(import.meta.dirname, 'compose.ts')}`,
          EXAI_STATES: `http://127.0.0.1:${states}`,
          EXAI_ACTIVE: active,
          EXAI_REHEARSAL: rehearsal.url,
        },
      })
      return stdout
    },
    endings,
    close: () => all.disposeAsync(),
  }
}

interface InstancesDeps {
  readonly portOf: (instance: Instance) => number
  /** Where an instance keeps what it keeps; the next process of the same name finds it there. */
  readonly folderOf: (instance: Instance) => string
  readonly env: Readonly<Record<string, string>>
  readonly onEnded: (ending: Ending) => void
}

function createInstances({ portOf, folderOf, env, onEnded }: InstancesDeps) {
  const running = new Map<Instance, Service>()
  const stop = async (instances: readonly Instance[]): Promise<void> => {
    await Promise.all(
      instances.map(async instance => {
        const service = running.get(instance)
        if (service === undefined) return
        running.delete(instance)
        const code = await service.stop()
        const last = service.log().findLast(({ msg }) => msg === 'stopped')
        onEnded({
          instance,
          code,
          running: Number(last?.['running'] ?? Number.NaN),
          aborted: Number(last?.['aborted'] ?? Number.NaN),
          redisOuts: service.log().filter(({ msg }) => msg === REDIS_OUT).length,
        })
      }),
    )
  }
  return {
    stop,
    async replace(instances: readonly Instance[]): Promise<void> {
      await stop(instances)
      for (const instance of instances) {
        const place = { PORT: `${portOf(instance)}`, DATA_DIR: folderOf(instance) }
        running.set(instance, await startService({ ...env, ...place }))
      }
    },
  }
}

interface ProxyPlace {
  readonly calls: number
  readonly states: number
  readonly admin: number
  /** Of the instances, in their order. */
  readonly ports: readonly number[]
  /** The file that says which colour has the traffic. */
  readonly active: string
}

interface Proxy extends Child {
  /** What its container would have in its environment. */
  readonly env: Readonly<Record<string, string>>
}

async function startProxy(
  haproxy: string,
  { calls, states, admin, ports, active }: ProxyPlace,
): Promise<Proxy> {
  const addresses = INSTANCES.map((instance, index) => [
    `EXAI_${instance.toUpperCase().replace('-', '_')}`,
    `127.0.0.1:${ports[index]}`,
  ])
  const env = {
    PROXY_CALLS: `127.0.0.1:${calls}`,
    PROXY_STATES: `127.0.0.1:${states}`,
    PROXY_ADMIN: `127.0.0.1:${admin}`,
    PROXY_ACTIVE: active,
    ...Object.fromEntries(addresses),
  }
  // As the image starts it.
  const proxy = await startChild(haproxy, ['-W', '-db', '-f', join(COMPOSE, 'haproxy.cfg')], { env })
  await untilReady(proxy, async () => (await statusOf(`http://127.0.0.1:${calls}/health/ready`)) === 200)
  return { ...proxy, env }
}

async function execAt([command = '', ...args]: readonly string[], env: Proxy['env']): Promise<void> {
  await run(command, args, { timeout: SCRIPT_MS, env: { ...env, PATH: searchPath().join(':') } })
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    return (await fetch(url)).status
  } catch {
    return undefined // It does not listen yet.
  }
}

async function listenForOrders(follow: (order: Order) => Promise<void>) {
  const server = createServer(async (request, response) => {
    try {
      // Our own stand-in wrote it.
      await follow(orderOf(JSON.parse(await text(request)) as readonly string[]))
      response.end()
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on TCP: never a path.
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
