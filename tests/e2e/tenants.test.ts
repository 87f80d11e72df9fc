// One tenant in front of what belongs to another: at every RPC a foreign id is answered as one that was never made.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { METHOD_NEEDS } from '../../src/access/scopes.ts'
import { newId } from '../../src/core/ids.ts'
import { type Service, startService } from '../support/running-server.ts'

const STREAMS = ['StreamComplete', 'ResumeStream', 'DownloadFile', 'UploadFile', 'WatchStatus', 'WatchEvents']
const WORDS = 'what only the owner may read'

let service: Service
let admin: string
/** The tenant that has everything, and the one that has nothing. */
let owner: string
let rival: string
/** What the owner has. */
let mine: { file: string; conversation: string; response: string; key: string }

beforeAll(async () => {
  service = await startService({ EXAI_AUTH: 'key' })
  admin = /exai_[\w-]{43}/.exec(service.output())?.[0] ?? ''
  const make = async (tenant: string) => {
    const scopes = ['SCOPE_CHAT', 'SCOPE_FILES', 'SCOPE_MONITORING']
    return read(await call(admin, 'exai.v1.AccessService/CreateKey', { label: tenant, tenant, scopes }))
  }
  const { key, secret } = await make('owner')
  owner = secret
  rival = (await make('rival')).secret
  const kept = {
    filename: 'secret.txt',
    mimeType: 'text/plain',
    content: Buffer.from(WORDS).toString('base64'),
  }
  const { file } = read(await call(owner, 'exai.v1.FilesService/CreateFile', kept))
  const wish = { ...question(), conversationId: 'new', idempotencyKey: 'the-key', resumeWindow: '600s' }
  const { id, conversationId } = read(await call(owner, 'exai.v1.ChatService/Complete', wish))
  mine = { file: file.id, conversation: conversationId, response: id, key: key.id }
})
afterAll(async () => {
  await service.stop()
})

const question = (more: object = {}) => ({
  model: 'sandbox',
  messages: [{ role: 'ROLE_USER', content: [{ text: WORDS }, ...[more].filter(part => 'media' in part)] }],
  ...('media' in more ? {} : more),
})

/** Everything that a call was answered, as text without what differs from call to call. */
async function call(secret: string, method: string, body: object): Promise<string> {
  const isStream = STREAMS.some(name => method.endsWith(`/${name}`))
  const json = Buffer.from(JSON.stringify(body))
  const envelope = Buffer.alloc(5)
  envelope.writeUInt32BE(json.byteLength, 1)
  const response = await fetch(`${service.url}/${method}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secret}`,
      'content-type': isStream ? 'application/connect+json' : 'application/json',
      'x-request-id': 'walk',
    },
    body: isStream ? Buffer.concat([envelope, json]) : json,
  })
  return `${response.status} ${(await response.text()).replace(/,?"value":"[\w+/=]*"/g, '')}`
}

// Every answer that a test reads was checked for its status by what is read.
const read = (answer: string) => JSON.parse(answer.slice(answer.indexOf(' ')))

type Ids = typeof mine

/** What a rival asks at each method with ids that may be foreign. */
const asked: Readonly<Record<string, (ids: Ids) => readonly object[]>> = {
  'exai.v1.ChatService/Complete': ids => [
    question({ conversationId: ids.conversation }),
    question({ media: { fileId: ids.file } }),
  ],
  'exai.v1.ChatService/StreamComplete': ids => [
    question({ conversationId: ids.conversation }),
    question({ media: { fileId: ids.file } }),
  ],
  'exai.v1.ChatService/ExplainRoute': ids => [question({ conversationId: ids.conversation })],
  'exai.v1.ChatService/CountTokens': ids => [question({ conversationId: ids.conversation })],
  'exai.v1.ChatService/ResumeStream': ids => [{ responseId: ids.response }],
  'exai.v1.ChatService/CancelStream': ids => [{ responseId: ids.response }],
  'exai.v1.ChatService/GetConversation': ids => [{ conversationId: ids.conversation }],
  'exai.v1.ChatService/DeleteConversation': ids => [{ conversationId: ids.conversation }],
  'exai.v1.FilesService/GetFile': ids => [{ fileId: ids.file }],
  'exai.v1.FilesService/DownloadFile': ids => [{ fileId: ids.file }],
  'exai.v1.FilesService/DeleteFile': ids => [{ fileId: ids.file }],
}

/** Methods for admins: whoever is none is told so, whatever the id. */
const forAdmins: typeof asked = {
  'exai.v1.AccessService/CreateKey': () => [{ label: 'x', scopes: ['SCOPE_ADMIN'], tenant: 'owner' }],
  'exai.v1.AccessService/ListKeys': () => [{ tenant: 'owner' }],
  'exai.v1.AccessService/RotateKey': ids => [{ keyId: ids.key }],
  'exai.v1.AccessService/RevokeKey': ids => [{ keyId: ids.key }],
  'exai.v1.MonitoringService/SetCircuit': () => [{ provider: 'sandbox', action: 'ACTION_OPEN' }],
}

/** Methods that take no id: nothing of another tenant may be in their answers. */
const idless = [
  'exai.v1.ChatService/ListModels',
  'exai.v1.ChatService/ListConversations',
  'exai.v1.FilesService/UploadFile',
  'exai.v1.FilesService/CreateFile',
  'exai.v1.FilesService/ListFiles',
  'exai.v1.MonitoringService/GetStatus',
  'exai.v1.MonitoringService/GetUsage',
  'exai.v1.MonitoringService/ListRequests',
  'exai.v1.MonitoringService/WatchEvents',
  'exai.v1.MonitoringService/WatchStatus',
  'exai.v1.EmbeddingsService/Embed',
]

it('every RPC of the contract is walked', () => {
  const walked = [...Object.keys(asked), ...Object.keys(forAdmins), ...idless]
  const all = Object.keys(METHOD_NEEDS).filter(method => method.startsWith('exai.v1.'))
  expect(walked.sort()).toEqual(all.sort())
})

describe('a tenant', () => {
  it.each(Object.keys(asked))(
    'is answered at %s as if what belongs to another had never been',
    async method => {
      const never: Ids = {
        file: newId('file', Date.now()),
        conversation: newId('conv', Date.now()),
        response: newId('resp', Date.now()),
        key: '',
      }
      const hide = (answer: string, ids: Ids) =>
        Object.values(ids).reduce((text, id) => (id === '' ? text : text.replaceAll(id, 'the-id')), answer)
      const bodies = asked[method] ?? (() => [])
      for (const [index, body] of bodies(mine).entries()) {
        const foreign = hide(await call(rival, method, body), mine)
        const missing = hide(await call(rival, method, bodies(never)[index] ?? {}), never)
        expect(foreign).toBe(missing)
        expect(foreign).toMatch(/NOT_FOUND|"cancelled":false|^200 \{\}$/)
      }
    },
  )

  it.each(Object.keys(forAdmins))('may not call %s', async method => {
    for (const body of forAdmins[method]?.(mine) ?? [])
      expect(await call(rival, method, body)).toMatch(/^403 .*ERROR_REASON_PERMISSION_DENIED/)
  })

  it.each(idless)('sees nothing of another at %s', async method => {
    const answer = await call(rival, method, {})
    for (const text of [...Object.values(mine), WORDS, 'owner', Buffer.from(WORDS).toString('base64')])
      expect(answer).not.toContain(text)
  })

  it('has idempotency keys of its own', async () => {
    const wish = { ...question(), conversationId: 'new', idempotencyKey: 'the-key', resumeWindow: '600s' }
    const own = read(await call(rival, 'exai.v1.ChatService/Complete', wish))
    expect([own.replayed, own.id === mine.response]).toEqual([undefined, false])
    const again = read(await call(owner, 'exai.v1.ChatService/Complete', wish))
    expect([again.replayed, again.id]).toEqual([true, mine.response])
  })

  it('still has everything afterwards', async () => {
    expect(await call(owner, 'exai.v1.FilesService/GetFile', { fileId: mine.file })).toMatch(/^200 /)
    const conversation = { conversationId: mine.conversation }
    expect(await call(owner, 'exai.v1.ChatService/GetConversation', conversation)).toContain(WORDS)
    expect(await call(owner, 'exai.v1.ChatService/ResumeStream', { responseId: mine.response })).toContain(
      'completed',
    )
  })
})
