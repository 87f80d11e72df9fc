// What a request needs of a model: each need is named by its field, and only real needs count.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { MessageSchema, type PartSchema, Role } from '#gen/exai/v1/chat_pb'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import type { StoredFile } from '../../../src/core/files.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import { planRoute } from '../../../src/routing/candidates.ts'
import { canCount, isEmulated, missingOf, needsOf } from '../../../src/routing/capabilities.ts'
import { byId, mediumOf, storedFile } from '../../support/chat-files.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'

type PartInit = MessageInitShape<typeof PartSchema>
type Over = NonNullable<Parameters<typeof ask>[1]>

const able = assumedEntry('one', 'one-model')
const plain: ModelEntry = { ...able, tools: false, structuredOutput: 'none', modalitiesIn: ['text'] }
const text: PartInit = { kind: { case: 'text', value: 'look' } }
const media = (mimeType: string): PartInit => ({
  kind: { case: 'media', value: { mimeType, source: { case: 'url', value: 'https://example.org/a' } } },
})
const showing = (...content: PartInit[]): Over => ({
  messages: [create(MessageSchema, { role: Role.USER, content: [text] }), { role: Role.USER, content }],
})
const inResult = (part: PartInit): Over => ({
  messages: [
    { role: Role.TOOL, content: [{ kind: { case: 'toolResult', value: { callId: 'c', content: [part] } } }] },
  ],
})
const json: Over = { responseFormat: { format: { case: 'json', value: {} } } }
const schema: Over = { responseFormat: { format: { case: 'jsonSchema', value: { name: 'n', schema: {} } } } }

const missingCapability = (request: ReturnType<typeof ask>, model: ModelEntry): string | undefined =>
  missingOf(needsOf(request), model, {})

describe('a need', () => {
  it.each<[string, Over, string]>([
    ['tools', { tools: [{ name: 'look' }] }, 'it cannot call tools'],
    [
      'a schema under strict',
      { ...schema, strict: true },
      'it cannot be held to response_format, and strict forbids to emulate it',
    ],
    [
      'JSON under strict',
      { ...json, strict: true },
      'it cannot be held to response_format, and strict forbids to emulate it',
    ],
    ['an image', showing(text, media('image/png')), 'it does not read image (messages[1].content[1])'],
    ['an image in capitals', showing(media('IMAGE/PNG')), 'it does not read image (messages[1].content[0])'],
    ['a PDF', showing(media('application/pdf')), 'it does not read pdf (messages[1].content[0])'],
    ['a sound', showing(media('audio/wav')), 'it does not read audio (messages[1].content[0])'],
    ['a video', showing(media('video/mp4')), 'it does not read video (messages[1].content[0])'],
    ['a table', showing(media('text/csv')), 'it does not read file (messages[1].content[0])'],
    ['an image in a result', inResult(media('image/png')), 'it does not read image (messages[0].content[0])'],
  ])('for %s is named where the model lacks it, and met where it does not', (_, over, missing) => {
    expect(missingCapability(ask('hi', over), plain)).toBe(missing)
    expect(missingCapability(ask('hi', over), able)).toBeUndefined()
  })

  it('for a schema is met in words where strict does not forbid it', () => {
    const half: ModelEntry = { ...able, structuredOutput: 'json_object' }
    expect(missingCapability(ask('hi', { ...json, strict: true }), half)).toBeUndefined()
    expect(missingCapability(ask('hi', { ...schema, strict: true }), half)).toBe(
      'it cannot be held to response_format, and strict forbids to emulate it',
    )
    expect(missingCapability(ask('hi', schema), plain)).toBeUndefined()
    expect(isEmulated('jsonSchema', half)).toBe(true)
    expect(isEmulated('jsonSchema', able)).toBe(false)
  })

  it('for a PDF is met by a model that reads files', () => {
    const files: ModelEntry = { ...plain, modalitiesIn: ['text', 'file'] }
    expect(missingCapability(ask('hi', showing(media('application/pdf'))), files)).toBeUndefined()
  })

  it('is not seen in plain text, in a plain format, or in media whose kind only the bytes tell', () => {
    const format: Over = { responseFormat: { format: { case: 'text', value: {} } } }
    for (const over of [{}, format, showing(media('')), inResult(text)])
      expect(missingCapability(ask('hi', over), plain)).toBeUndefined()
  })
})

describe('a stored file', () => {
  const pdf = storedFile()
  const read = storedFile({ text: { state: 'ready', tokens: 40 } })
  const picture = storedFile({ mimeType: 'image/png', filename: 'a.png' })
  const showingFiles = (...files: StoredFile[]) =>
    needsOf(ask('hi', showing(...files.map(mediumOf))), undefined, byId(...files))

  it('whose text is known is read by every model, and its tokens are counted each time that it stands there', () => {
    const needs = showingFiles(read, read)
    expect(needs).toMatchObject({ media: [], texts: ['pdf'], textTokens: 80, isCountable: true })
    expect(missingOf(needs, plain, {})).toBeUndefined()
  })

  it('without a text has to be read by the model, or by its provider', () => {
    const needs = showingFiles(pdf)
    expect(missingOf(needs, plain, {})).toBe('it does not read pdf (messages[1].content[0])')
    const asked: string[] = []
    const readsDocuments = (mimeType: string) => asked.push(mimeType) > 0
    expect(missingOf(needs, plain, { readsDocuments })).toBeUndefined()
    expect(asked).toEqual(['application/pdf'])
    expect(missingOf(needs, plain, { readsDocuments: () => false })).toContain('it does not read pdf')
    expect(missingOf(needs, able, {})).toBeUndefined()
  })

  it('is one thing, and the same kind from elsewhere another: no provider makes a text of that', () => {
    const both = ask('hi', showing(mediumOf(pdf), media('application/pdf'), mediumOf(picture)))
    const needs = needsOf(both, both.messages, byId(pdf, picture))
    expect(needs.media).toEqual([
      { modality: 'pdf', place: 'messages[1].content[0]', storedType: 'application/pdf' },
      { modality: 'pdf', place: 'messages[1].content[1]' },
      { modality: 'image', place: 'messages[1].content[2]', storedType: 'image/png' },
    ])
    expect(missingOf(needs, plain, { readsDocuments: () => true })).toBe(
      'it does not read pdf (messages[1].content[1])',
    )
  })

  it('can be counted where the model gets its text, and not where the model reads the file itself', () => {
    expect(canCount(showingFiles(read), plain)).toBe(true)
    expect(canCount(showingFiles(read), able)).toBe(false)
    expect(canCount(showingFiles(read, picture), plain)).toBe(false)
    expect(canCount(needsOf(ask('hi', showing(media('')))), plain)).toBe(false)
    expect(canCount(needsOf(ask('hi')), plain)).toBe(true)
  })

  it('that is a document leads to the models of a provider that makes its text, and its length is judged', () => {
    const [one, two] = ['one', 'two'].map(id => createScriptedProvider(id, []))
    if (one === undefined || two === undefined) throw new Error('there are two')
    const models = [plain, { ...plain, provider: 'two', id: 'two-model', contextWindow: 100 }]
    const catalogue = createCatalogue({ models: { asOf: '2026-01-01', problems: [], models }, now: () => 0 })
    const reading = { ...two, readsDocuments: (mimeType: string) => mimeType === 'application/pdf' }
    const deps = { catalogue, providers: [one, reading], now: () => 0 }
    const { messages } = ask('hi', showing(mediumOf(pdf)))
    const request = ask('hi', { messages, routing: { fallbackModels: ['two/two-model'] } })
    const { candidates, skipped } = planRoute(request, deps, { stored: byId(pdf) })
    expect(candidates.map(({ model }) => model.id)).toEqual(['two-model'])
    expect(skipped.map(({ message }) => message)).toEqual(['it does not read pdf (messages[1].content[0])'])
    expect(planRoute(request, deps, { stored: byId({ ...pdf, text: read.text }) }).candidates).toHaveLength(2)
  })
})

describe('a request that only unable models could take', () => {
  it.each<[string, Over, string]>([
    ['tools', { tools: [{ name: 'look' }] }, 'it cannot call tools'],
    ['an image', showing(media('image/png')), 'it does not read image (messages[1].content[0])'],
  ])('is UNSUPPORTED and names %s', (_, over, missing) => {
    const provider = createScriptedProvider('one', [])
    const now = () => 0
    const table = { asOf: '2026-01-01', problems: [], models: [plain] }
    const deps = { catalogue: createCatalogue({ models: table, now }), providers: [provider], now }
    expect(() => planRoute(ask('hi', over), deps)).toThrow(
      expect.objectContaining({
        reason: 'UNSUPPORTED',
        message: `nobody can answer for model "one-model": one/one-model: ${missing}`,
      }),
    )
    expect(() =>
      planRoute(ask('hi', over), { ...deps, providers: [{ ...provider, unusableReason: 'no key' }] }),
    ).toThrow(expect.objectContaining({ reason: 'UNSUPPORTED' }))
  })
})
