// Who sees what was used, with authentication on: a tenant its own, an admin everything, nobody a foreign one.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code, createClient, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { Scope } from '#gen/exai/v1/key_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { UsageDimension as By } from '#gen/exai/v1/usage_report_pb'
import { usageReport } from '../../src/cli/usage-report.ts'
import { failureOf, question } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'

let dataDir: string
let service: Service
let admin: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'exai-tenants-'))
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
const usageBy = (secret: string) => createClient(MonitoringService, transportOf(secret))

async function keyOf(tenant: string, label: string): Promise<{ id: string; secret: string }> {
  const { key, secret } = await createClient(AccessService, transportOf(admin)).createKey({
    tenant,
    label,
    scopes: [Scope.CHAT, Scope.MONITORING],
  })
  return { id: key?.id ?? '', secret }
}

describe('what was used', () => {
  it('is seen by whom it belongs to, under the label of the key, and by admins', async () => {
    const [acme, other] = [await keyOf('acme', 'of acme'), await keyOf('other', 'of the other')]
    for (const [{ secret }, calls] of [[acme, 2] as const, [other, 3] as const]) {
      const chat = createClient(ChatService, transportOf(secret))
      for (let call = 0; call < calls; call += 1) await chat.complete(question('auto', 'hello'))
    }
    const asked = { groupBy: [By.TENANT, By.KEY] }
    const own = { tenant: 'acme', keyId: acme.id, keyLabel: 'of acme', requestCount: 2n }
    const foreign = { tenant: 'other', keyId: other.id, keyLabel: 'of the other', requestCount: 3n }

    const mine = await usageBy(acme.secret).getUsage(asked)
    expect(mine.rows).toMatchObject([own])
    expect(mine.rows).toHaveLength(1)
    expect(mine.total?.requestCount).toBe(2n)
    // The foreign key by its id is no way around that.
    expect((await usageBy(acme.secret).getUsage({ ...asked, keyIds: [other.id] })).rows).toEqual([])
    const denied = await failureOf(usageBy(acme.secret).getUsage({ tenant: 'other' }))
    expect([denied.code, denied.rawMessage]).toEqual([
      Code.PermissionDenied,
      'the usage of another tenant needs the scope admin',
    ])

    const all = await usageBy(admin).getUsage({ ...asked, keyIds: [acme.id, other.id] })
    expect([...all.rows].sort((a, b) => (a.tenant < b.tenant ? -1 : 1))).toMatchObject([own, foreign])
    expect((await usageBy(admin).getUsage({ tenant: 'other' })).total?.requestCount).toBe(3n)
  })

  it('is printed for whoever has a credential, and for nobody else', async () => {
    const run = (credential?: string) =>
      usageReport(['--by', 'key'], { host: '127.0.0.1', port: service.port, credential }, Date.now())
    const { secret } = await keyOf('third', 'of the third')
    expect(await run(secret)).toMatchObject({ type: 'printed', text: expect.stringMatching(/^total +0 /m) })
    expect(await run(admin)).toMatchObject({ text: expect.stringMatching(/^key_[0-9a-f-]{36} of acme +2 /m) })
    expect(await run()).toMatchObject({ type: 'failed', line: expect.stringMatching(/^unauthenticated: /) })
  })
})
