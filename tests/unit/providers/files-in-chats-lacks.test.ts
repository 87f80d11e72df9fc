// Stored files that are not what they were: texts made by two at once, bytes that are gone, memory that is not to be had.
import { afterEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { givingOf, naming, testFile } from '../../support/file-giving.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { attempt, collect, failure, model, user } from './attempt.ts'
import { asked, asking, lastChat, uploads } from './files-in-chats.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function kimi() {
  const double = await startKimi()
  const provider = createKimi({ id: 'kimi', baseUrl: double.url, keys: ['test-key'] })
  cleanups.push(double.close, provider.close)
  return { double, provider }
}

async function openAi() {
  const double = await startUpstream()
  const provider = createOpenAi({ id: 'openai', baseUrl: double.url, keys: ['test-key'] })
  cleanups.push(double.close, provider.close)
  return { double, provider }
}

const k3 = model({ provider: 'kimi', id: 'kimi-k3' })
const pdf = testFile('file_1', 'application/pdf', '%PDF', { filename: 'a.pdf' })

describe('a text that the provider makes', () => {
  it('is made once for two who need it at once', async () => {
    const { double, provider } = await kimi()
    const giving = givingOf(pdf)
    double.next({ faults: ['slow-headers=200'] })
    await Promise.all([1, 2, 3].map(() => collect(provider.open(asking(giving, [pdf], { model: k3 })))))
    expect(uploads(double)).toBe(1)
    for (const { path, rawBody } of double.requests)
      if (path.endsWith('/completions')) expect(rawBody.toString()).toContain('Text of a.pdf')
    await expect.poll(() => giving.copies.size).toBe(0)
  })

  it('is shown though it cannot be kept', async () => {
    const { double, provider } = await kimi()
    const { files } = givingOf(pdf)
    const keepText = async () => {
      throw new GatewayError('INTERNAL', 'the store is away')
    }
    const giving = { ...givingOf(pdf), files: { ...files, giving: { ...files.giving, keepText } } }
    await collect(provider.open(asking(giving, [pdf], { model: k3 })))
    expect(lastChat(double)).toContain('Text of a.pdf')
  })

  it('that is none is a refusal by the field, and nothing stays at the provider', async () => {
    const { double, provider } = await kimi()
    const file = testFile('file_1', 'application/pdf', '%PDF', { filename: '[[fault:extract-error]]a.pdf' })
    const giving = givingOf(file)
    const { error } = await failure(provider.open(asking(giving, [file], { model: k3 })))
    expect(error).toMatchObject({ reason: 'UNSUPPORTED', details: { against: 'nobody' } })
    expect(error.message).toMatch(/^messages\[0\]\.content\[1\]\.media\.file_id: kimi cannot read the file/)
    await expect.poll(() => asked(double)).toContain('DELETE /files/file00000000000000000001')
    expect(giving.copies.size).toBe(0)
  })
})

describe('bytes that are gone', () => {
  it('are a text where there is one', async () => {
    const { double, provider } = await openAi()
    const file = testFile('file_1', 'application/pdf', '%PDF', { text: 'Dear Sir' })
    const giving = givingOf(file)
    giving.lose('file_1')
    await collect(provider.open(asking(giving, [file])))
    expect(lastChat(double)).toContain('Dear Sir')
    expect(giving.heldBytes()).toBe(0)
  })

  it('are a note and a warning in what was kept before', async () => {
    const { double, provider } = await openAi()
    const giving = givingOf(pdf)
    giving.lose('file_1')
    const input = attempt({ messages: [user('And now?')] }, { history: [naming('Look', pdf)] })
    await collect(provider.open({ ...input, files: giving.files }))
    expect(lastChat(double)).toContain('[a file that cannot be shown again]')
    expect(input.warnings).toEqual([
      'DROPPED conversation[0].content[1].media.file_id: the file file_1 cannot be shown again, and a note stands in its place',
    ])
    const strict = attempt({ messages: [user('And now?')], strict: true }, { history: [naming('Look', pdf)] })
    const { error } = await failure(provider.open({ ...strict, files: giving.files }))
    expect(error.reason).toBe('UNSUPPORTED')
    expect(error.message).toMatch(/^conversation\[0\]\.content\[1\]/)
  })

  it('are no reason to ask a model while a file of the new message needs them', async () => {
    const { double, provider } = await openAi()
    const giving = givingOf(pdf)
    giving.lose('file_1')
    const { error } = await failure(provider.open(asking(giving, [pdf])))
    expect(error).toMatchObject({ reason: 'UNSUPPORTED', details: { against: 'nobody' } })
    expect(double.requests).toEqual([])
  })
})

describe('trouble of our own', () => {
  const away = async () => {
    throw new GatewayError('INTERNAL', 'the store is away')
  }

  it('is told as such, and not as a file that nobody takes', async () => {
    const { double, provider } = await openAi()
    const large = testFile('file_1', 'application/pdf', Buffer.alloc(37_000_001, 'x'))
    async function* read(): AsyncGenerator<Uint8Array> {
      yield await away()
    }
    for (const [file, over] of [
      [large, { claimCopy: away }],
      [pdf, { read }],
    ] as const) {
      const { files } = givingOf(file)
      const giving = { ...givingOf(file), files: { ...files, giving: { ...files.giving, ...over } } }
      const { error } = await failure(provider.open(asking(giving, [file])))
      expect(error).toMatchObject({ reason: 'INTERNAL', details: { against: 'nobody' } })
    }
    expect(double.requests).toEqual([])
  })

  it('leaves no copy behind that nobody knows of', async () => {
    const { double, provider } = await openAi()
    const file = testFile('file_1', 'application/pdf', Buffer.alloc(37_000_001, 'x'))
    const { files } = givingOf(file)
    const full = { keepCopy: away, dropCopy: away }
    const giving = { ...givingOf(file), files: { ...files, giving: { ...files.giving, ...full } } }
    await failure(provider.open(asking(giving, [file])))
    expect(asked(double)).toEqual(['POST /files', expect.stringMatching(/^DELETE \/files\/file-/)])
  })
})

it('the refusal of memory is told as it is', async () => {
  const { double, provider } = await openAi()
  const { files } = givingOf(pdf)
  const full = new GatewayError('OVERLOADED', 'the memory is full')
  const hold = async () => {
    throw full
  }
  const giving = { ...givingOf(pdf), files: { ...files, giving: { ...files.giving, hold } } }
  const { error } = await failure(provider.open(asking(giving, [pdf])))
  expect(error.reason).toBe('OVERLOADED')
  expect(double.requests).toEqual([])
})

it('files at most 37 MB together go inline, and one more is refused', async () => {
  const { double, provider } = await openAi()
  const files = Array.from({ length: 10 }, (_, index) =>
    testFile(`file_${index}`, 'image/png', Buffer.alloc(3_900_000, 'x')),
  )
  const giving = givingOf(...files)
  const { error } = await failure(provider.open(asking(giving, files)))
  expect(error.message).toBe(
    'messages[0].content[10].media.file_id: openai takes files of at most 37000000 bytes together within a request: send fewer',
  )
  expect(double.requests).toEqual([])
  expect(giving.heldBytes()).toBe(0)
})

it('tokens are counted with texts in the place of files, and not at all where there are none', async () => {
  const { double, provider } = await kimi()
  const read = testFile('file_2', 'application/pdf', '%PDF', { text: 'Dear Sir' })
  const count = (file: typeof read) =>
    provider.countTokens?.(asking(givingOf(file), [file], { model: k3 })) ?? Promise.resolve(undefined)
  expect((await count(read))?.tokens).toBeGreaterThan(0)
  expect(double.requests.at(-1)?.rawBody.toString()).toContain('Dear Sir')
  expect(await count(pdf)).toBeUndefined()
  expect(uploads(double)).toBe(0)
})

it('tokens of a document that the model reads itself are not counted by its text', async () => {
  const { double, provider } = await openAi()
  const reader = model({ endpoints: ['chat/completions', 'responses'] })
  const blind = { ...reader, modalitiesIn: ['text'] as const }
  const read = testFile('file_2', 'application/pdf', '%PDF', { text: 'Dear Sir' })
  const count = (asked: typeof reader) =>
    provider.countTokens?.(asking(givingOf(read), [read], { model: asked }))
  expect(await count(reader)).toBeUndefined()
  expect(double.requests).toEqual([])
  expect((await count(blind))?.tokens).toBeGreaterThan(0)
})
