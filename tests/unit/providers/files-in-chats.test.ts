// Stored files in chats, through real sockets: which form each provider is given, uploads that happen once, and copies that get lost.
import { afterEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { createMiniMax } from '../../../src/providers/minimax.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import type { ProviderSettings } from '../../../src/providers/settings.ts'
import { givingOf, testFile } from '../../support/file-giving.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { collect, failure, model, textOf } from './attempt.ts'
import { asked, asking, lastChat, uploads } from './files-in-chats.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function rig(
  make: (settings: ProviderSettings) => Provider,
  start: () => Promise<Upstream>,
  settings: Partial<ProviderSettings> = {},
) {
  const double = await start()
  cleanups.push(double.close)
  const id = settings.id ?? 'openai'
  const provider = make({ baseUrl: double.url, keys: ['test-key'], ...settings, id })
  cleanups.push(provider.close)
  return { double, provider }
}

const openAi = (settings: Partial<ProviderSettings> = {}) =>
  rig(createOpenAi, () => startUpstream(), settings)
const kimi = () => rig(createKimi, () => startKimi(), { id: 'kimi' })
const miniMax = () => rig(createMiniMax, () => startMiniMax(), { id: 'minimax' })
const k3 = model({ provider: 'kimi', id: 'kimi-k3' })
const m3 = model({ provider: 'minimax', id: 'MiniMax-M3' })
const big = (id: string, mimeType: string, sizeBytes = 4_000_001) =>
  testFile(id, mimeType, Buffer.alloc(sizeBytes, 'x'))

describe('a file in a chat', () => {
  it('goes inline while it is small, and its bytes are let go of when the answer begins', async () => {
    const { double, provider } = await openAi()
    const file = testFile('file_a', 'application/pdf', '%PDF-1.7')
    const giving = givingOf(file)
    const held: number[] = []
    for await (const _ of provider.open(asking(giving, [file], { stream: true })))
      held.push(giving.heldBytes())
    const data = `data:application/pdf;base64,${Buffer.from('%PDF-1.7').toString('base64')}`
    expect(lastChat(double)).toContain(JSON.stringify({ filename: 'file_a.bin', file_data: data }))
    expect(asked(double)).toEqual(['POST /chat/completions'])
    expect(held.at(-1)).toBe(0)
    expect(giving.heldBytes()).toBe(0)
  })

  it('is its text where the model reads no such files', async () => {
    const { double, provider } = await openAi()
    const file = testFile('file_a', 'application/pdf', '%PDF', { text: 'Dear Sir', filename: 'a.pdf' })
    const blind = model({ modalitiesIn: ['text'] })
    await collect(provider.open(asking(givingOf(file), [file], { model: blind })))
    expect(lastChat(double)).toContain(JSON.stringify('[file "a.pdf", application/pdf, 4 bytes]\nDear Sir'))
  })

  it('that fits nowhere is refused by its field, against nobody, and nobody is asked', async () => {
    const { double, provider } = await openAi()
    const file = testFile('file_a', 'video/mp4', 'moving')
    const { error } = await failure(provider.open(asking(givingOf(file), [file])))
    expect(error).toMatchObject({ reason: 'UNSUPPORTED', details: { against: 'nobody' } })
    expect(error.message).toMatch(/^messages\[0\]\.content\[1\]\.media\.file_id: openai takes no video\/mp4/)
    expect(double.requests).toEqual([])
  })
})

describe('a large file', () => {
  it('is uploaded once for many chats and named by the id of the provider', async () => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    for (let turn = 0; turn < 3; turn += 1) await collect(provider.open(asking(giving, [file])))
    expect(uploads(double)).toBe(1)
    expect(lastChat(double)).toMatch(/"file":\{"file_id":"file-\d+"\}/)
    expect(lastChat(double)).not.toContain('file_a')
    expect([...giving.copies.values()]).toEqual([{ remoteId: expect.stringMatching(/^user_data:file-\d+$/) }])
    expect(double.requests.at(0)?.rawBody.toString().slice(0, 600)).toContain('filename="file_a.bin"')
  })

  it('is uploaded once when two chats need it at once', async () => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    double.next({ faults: ['slow-headers=200'] })
    const answers = await Promise.all([1, 2].map(() => collect(provider.open(asking(giving, [file])))))
    expect(answers.map(answer => textOf(answer).length > 0)).toEqual([true, true])
    expect(uploads(double)).toBe(1)
  })

  it('that the provider has lost is uploaded once more, and the caller sees one answer', async () => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    await collect(provider.open(asking(giving, [file])))
    const [copy] = giving.copies.values()
    if (copy === undefined || copy === 'making') throw new Error('there is no copy')
    await fetch(`${double.url}/files/${copy.remoteId.split(':')[1]}`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer test-key' },
    })
    const inputs = [1, 2].map(() =>
      asking(giving, [file], { request: { stop: ['a1', 'b1', 'c1', 'd1', 'e1'] } }),
    )
    const answers = await Promise.all(inputs.map(input => collect(provider.open(input))))
    for (const answer of answers) expect(answer.filter(({ type }) => type === 'finish')).toHaveLength(1)
    for (const { warnings } of inputs) expect(warnings).toHaveLength(1)
    expect(uploads(double)).toBe(2)
    expect(giving.copies.size).toBe(1)
  })

  it('is not uploaded again for a refusal that has nothing to do with it', async () => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    await collect(provider.open(asking(giving, [file])))
    double.next({ faults: ['error=400'], match: ({ path }) => path.endsWith('/chat/completions') })
    expect((await failure(provider.open(asking(giving, [file])))).error.reason).toBe('INVALID_REQUEST')
    expect(asked(double).slice(-2)).toEqual([
      'POST /chat/completions',
      expect.stringMatching(/^GET \/files\/file-/),
    ])
    expect(uploads(double)).toBe(1)
  })

  it.each([
    ['a path that is not there', { raw: { status: 404, body: 'not found' } }],
    ['a failure', { faults: ['error=500'] }],
    ['a limit', { faults: ['error=rate_limit_exceeded'] }],
    ['half an answer', { faults: ['half-json'] }],
    ['a cut', { faults: ['cut-after=5'] }],
  ])('goes inline when its upload meets %s', async (_, script) => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    double.next(script)
    await collect(provider.open(asking(giving, [file])))
    expect(lastChat(double)).toContain('file_data')
    expect(giving.copies.size).toBe(0)
    expect(giving.heldBytes()).toBe(0)
  })

  it('is not offered again to a host that has no place for files', async () => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    double.next({
      raw: { status: 404, body: 'not found' },
      times: 9,
      match: ({ path }) => path.endsWith('/files'),
    })
    for (let turn = 0; turn < 3; turn += 1) await collect(provider.open(asking(giving, [file])))
    expect(uploads(double)).toBe(1)
  })

  it('that meets a refused key says so against the key', async () => {
    const { provider } = await openAi({ keys: ['wrong-key'] })
    const file = big('file_a', 'application/pdf')
    const { error } = await failure(provider.open(asking(givingOf(file), [file])))
    expect(error).toMatchObject({ reason: 'UPSTREAM_CREDENTIALS', details: { against: 'key' } })
    expect(provider.unusableReason).toMatch(/^every key of openai is out/)
  })
})

describe('an upload', () => {
  it('that stalls ends with the call, drops its claim, and the model was never asked', async () => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    double.next({ faults: ['hang-before-headers'] })
    const calling = new AbortController()
    const sent: true[] = []
    const input = { ...asking(giving, [file], { signal: calling.signal }), sent: () => void sent.push(true) }
    const running = failure(provider.open(input))
    await double.waitFor(({ rawBody }) => rawBody.byteLength > 4_000_000)
    const reason = new GatewayError('DEADLINE_EXCEEDED', 'the deadline has passed')
    calling.abort(reason)
    expect((await running).error).toBe(reason)
    expect(sent).toEqual([])
    await expect.poll(() => [giving.copies.size, double.openSockets()]).toEqual([0, 0])
  })

  it('that is left gives way to whoever waited for it', async () => {
    const { double, provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    double.next({ faults: ['hang-before-headers'] })
    const calling = new AbortController()
    const left = failure(provider.open(asking(giving, [file], { signal: calling.signal })))
    await double.waitFor(({ rawBody }) => rawBody.byteLength > 4_000_000)
    const waiting = collect(provider.open(asking(giving, [file])))
    calling.abort(new GatewayError('CANCELLED', 'the caller left'))
    expect((await left).error.reason).toBe('CANCELLED')
    expect(textOf(await waiting)).not.toBe('')
    expect(uploads(double)).toBe(2)
  })

  it('is impossible once the bytes are gone, and the failure says so', async () => {
    const { provider } = await openAi()
    const file = big('file_a', 'application/pdf')
    const giving = givingOf(file)
    giving.lose('file_a')
    const { error } = await failure(provider.open(asking(giving, [file])))
    expect(error).toMatchObject({ reason: 'UNSUPPORTED', details: { against: 'nobody' } })
  })
})

describe('at Kimi', () => {
  it('images above 1.5 MB together are uploaded and named by a URL of its own', async () => {
    const { double, provider } = await kimi()
    const files = [big('file_a', 'image/png', 1_000_000), big('file_b', 'image/png', 900_000)]
    const giving = givingOf(...files)
    await collect(provider.open(asking(giving, files, { model: k3 })))
    expect(uploads(double)).toBe(1)
    expect(lastChat(double)).toMatch(/"url":"data:image\/png;base64,.*"url":"ms:\/\/file\d+"/)
  })

  it('documents become a text that is made once and taken away again', async () => {
    const { double, provider } = await kimi()
    const file = testFile('file_a', 'application/pdf', '%PDF', { filename: 'a.pdf' })
    const giving = givingOf(file)
    expect(provider.readsDocuments?.('application/pdf')).toBe(true)
    await collect(provider.open(asking(giving, [file], { model: k3 })))
    expect(lastChat(double)).toContain(String.raw`[file \"a.pdf\", application/pdf, 4 bytes]\nText of a.pdf`)
    expect(giving.texts.get('file_a')).toBe('Text of a.pdf')
    await expect.poll(() => giving.copies.size).toBe(0)
    await collect(provider.open(asking(giving, [file], { model: k3 })))
    expect(uploads(double)).toBe(1)
    expect(asked(double).filter(line => line.startsWith('DELETE'))).toHaveLength(1)
  })
})

describe('at MiniMax', () => {
  it('videos are uploaded, named by a URL of its own, and found out when they are lost', async () => {
    const { double, provider } = await miniMax()
    const file = testFile('file_a', 'video/mp4', 'moving', { filename: 'clip.mp4' })
    const giving = givingOf(file)
    await collect(provider.open(asking(giving, [file], { model: m3 })))
    expect(lastChat(double)).toMatch(/"url":"mm_file:\/\/\d{18}"/)
    const [name = '', copy] = [...giving.copies][0] ?? []
    if (copy === undefined || copy === 'making') throw new Error('there is no copy')
    const [, account = ''] = name.split('/')
    await provider.removeCopy?.({ account, remoteId: copy.remoteId }, new AbortController().signal)
    await collect(provider.open(asking(giving, [file], { model: m3 })))
    expect(uploads(double)).toBe(2)
  })
})
