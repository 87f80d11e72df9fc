// The client for browsers against the real service: it needs nothing but fetch, which Node has as well.
import { Code, ConnectError } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createExaiClient } from '../../../src/client/browser.ts'
import { collect } from '../../../src/client/collect.ts'
import { question } from '../../support/clients.ts'
import { type Service, startService } from '../../support/running-server.ts'

describe('the client for browsers', () => {
  let service: Service
  let key: string
  beforeAll(async () => {
    service = await startService({ EXAI_AUTH: 'key' })
    key = /exai_[\w-]{43}/.exec(service.output())?.[0] ?? ''
  })
  afterAll(() => service.stop())

  test('reaches every service with its token', async () => {
    const { chat, files, monitoring, access } = createExaiClient({ baseUrl: service.url, token: key })
    const { models } = await chat.listModels({ provider: 'sandbox' })
    expect(models.length).toBeGreaterThan(0)
    const { file } = await files.createFile({ filename: 'a.txt', content: new TextEncoder().encode('hello') })
    expect(file?.sizeBytes).toBe(5n)
    expect((await monitoring.getUsage({})).total).toBeDefined()
    expect((await access.listKeys({})).keys).toHaveLength(1)
  })

  test('streams an answer that collect makes whole', async () => {
    const { chat } = createExaiClient({ baseUrl: service.url, token: key })
    const answer = await collect(chat.streamComplete(question('sandbox', 'hello')))
    const [part] = answer.message?.content ?? []
    expect(part?.kind.case).toBe('text')
    expect(part?.kind.value).not.toBe('')
    expect(answer.id).toMatch(/^resp_/)
  })

  test('takes the token anew for each call, and sends none when there is none', async () => {
    let token: string | undefined
    const { chat } = createExaiClient({ baseUrl: service.url, token: () => token })
    const refused = await chat.listModels({}).catch(ConnectError.from)
    expect(refused).toMatchObject({ code: Code.Unauthenticated })
    token = key
    expect((await chat.listModels({})).models.length).toBeGreaterThan(0)
  })
})
