// A command that asks the service believes one certificate, and no other gets its credential.
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { askService } from '../../../src/cli/client.ts'
import { type SelfSigned, selfSigned } from '../../support/self-signed.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function serviceWith(tls: SelfSigned) {
  const heard: (string | undefined)[] = []
  const server = createServer(tls, (req, res) => {
    heard.push(req.headers.authorization)
    req.resume()
    res.setHeader('content-type', 'application/json')
    res.end('{}')
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return { heard, port: (server.address() as AddressInfo).port }
}

test('the certificate of the settings is believed, and another one is shown no credential', async () => {
  const own = selfSigned()
  const { heard, port } = await serviceWith(own)
  const target = { host: '127.0.0.1', port, credential: 'a-credential' }
  const { getUsage } = MonitoringService.method
  expect(await askService({ ...target, tls: selfSigned() }, getUsage, {})).toMatchObject({
    type: 'unreachable',
  })
  expect(heard).toEqual([])
  expect(await askService({ ...target, tls: own }, getUsage, {})).toMatchObject({ type: 'answered' })
  expect(heard).toEqual(['Bearer a-credential'])
})
