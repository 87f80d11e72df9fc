// Who sees which calls and events, with authentication on: a tenant its own and what concerns all, an admin everything.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code, createClient, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { Limit_Kind as LimitKind, Scope } from '#gen/exai/v1/key_pb'
import { SetCircuitRequest_Action as Action, MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { failureOf, question } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'

let dataDir: string
let service: Service
let admin: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'exai-seeing-'))
  service = await startService({ EXAI_AUTH: 'key', DATA_DIR: dataDir })
  admin = /exai_[A-Za-z0-9_-]{43}/.exec(service.output())?.[0] ?? ''
})
afterAll(async () => {
  await service.stop()
  await rm(dataDir, { recursive: true, force: true })
})

function transportOf(secret: string) {
  const authorize: Interceptor = next => request => {
    request.header.set('authorization', `Bearer ${secret}`)
    return next(request)
  }
  return createConnectTransport({ baseUrl: service.url, httpVersion: '1.1', interceptors: [authorize] })
}
const monitoringBy = (secret: string) => createClient(MonitoringService, transportOf(secret))
const chatBy = (secret: string) => createClient(ChatService, transportOf(secret))

async function keyOf(tenant: string, requestsPerMinute: bigint): Promise<{ id: string; secret: string }> {
  const { key, secret } = await createClient(AccessService, transportOf(admin)).createKey({
    tenant,
    label: `of ${tenant}`,
    scopes: [Scope.CHAT, Scope.MONITORING],
    limits: [{ kind: LimitKind.REQUESTS_PER_MINUTE, value: requestsPerMinute }],
  })
  return { id: key?.id ?? '', secret }
}

/** What a caller is told of, until it is told of the end of it all. */
async function seenBy(secret: string, until: string, signal: AbortSignal): Promise<readonly string[]> {
  const seen: string[] = []
  for await (const { event } of monitoringBy(secret).watchEvents({}, { signal })) {
    const { kind, tenant = '' } = event ?? {}
    const what =
      kind?.case === 'circuit' ? `circuit of ${kind.value.circuit?.provider}` : `${kind?.case} of ${tenant}`
    if (seen.at(-1) !== what) seen.push(what)
    if (what === until) return seen
  }
  return seen
}

it('a tenant sees its own calls and events and those of the whole, an admin all, and nobody a foreign tenant', async () => {
  const [acme, other] = [await keyOf('acme', 100n), await keyOf('other', 1n)]
  const { signal } = new AbortController()
  const watches = [acme.secret, admin].map(secret => seenBy(secret, 'circuit of sandbox', signal))
  // What happens is seen by whoever watches by then.
  await expect
    .poll(async () => (await fetch(`${service.url}/metrics`)).text())
    .toMatch(/^exai_watchers\{method="exai\.v1\.MonitoringService\/WatchEvents"\} 2$/m)
  await chatBy(other.secret).complete(question('sandbox', 'hello'))
  expect((await failureOf(chatBy(other.secret).complete(question('sandbox', 'again')))).code).toBe(
    Code.ResourceExhausted,
  )
  await chatBy(acme.secret).complete(question('sandbox', 'hello'))
  const circuit = { provider: 'sandbox', model: 'sandbox', action: Action.OPEN }
  await monitoringBy(admin).setCircuit(circuit)
  const [ofAcme = [], ofAdmin = []] = await Promise.all(watches)
  const call = (tenant: string) => [`request of ${tenant}`, `attempt of ${tenant}`, `request of ${tenant}`]
  expect(ofAcme).toEqual([...call('acme'), 'circuit of sandbox'])
  expect(ofAdmin).toEqual([
    ...call('other').slice(0, 1),
    // Its first request of the minute is nine tenths of one.
    'limit of other',
    ...call('other').slice(1),
    'limit of other',
    'request of other',
    ...call('acme'),
    'request of default',
    'circuit of sandbox',
  ])

  const tenantsSeen = async (secret: string, tenant = '') => {
    const { requests } = await monitoringBy(secret).listRequests({ tenant, pageSize: 500 })
    return [...new Set(requests.map(one => `${one.tenant} ${one.keyLabel}`))].sort()
  }
  expect(await tenantsSeen(acme.secret)).toEqual(['acme of acme'])
  expect(await tenantsSeen(admin)).toEqual(expect.arrayContaining(['acme of acme', 'other of other']))
  expect(await tenantsSeen(admin, 'other')).toEqual(['other of other'])
  const denied = await failureOf(tenantsSeen(acme.secret, 'other'))
  expect([denied.code, denied.rawMessage]).toEqual([
    Code.PermissionDenied,
    'the calls of another tenant need the scope admin',
  ])
  const watched = await failureOf(
    (async () => {
      for await (const _ of monitoringBy(acme.secret).watchEvents({ tenant: 'other' }));
    })(),
  )
  expect(watched.code).toBe(Code.PermissionDenied)
})
