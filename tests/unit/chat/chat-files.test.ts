// Stored files on the way of a call: everybody who is asked gets them, and whatever is counted counts their texts.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, type MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { Usage_Provenance } from '#gen/exai/v1/usage_pb'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { explainRoute } from '../../../src/chat/explain.ts'
import { countTokens } from '../../../src/chat/models.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { StoredFile } from '../../../src/core/files.ts'
import type { CountInput, Provider } from '../../../src/core/provider.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { openSqliteStore, type SqliteStore } from '../../../src/stores/sqlite/store.ts'
import { mediumOf, NO_GIVING, partsOf, storedFile } from '../../support/chat-files.ts'
import { createCompletionRig, NO_CONVERSATIONS } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { keepingLog } from '../../support/store-rig.ts'
import { createTestCall } from '../../support/test-call.ts'

type Over = Omit<NonNullable<Parameters<typeof ask>[1]>, '$typeName'>

let store: SqliteStore
beforeAll(async () => {
  store = await openSqliteStore({ path: ':memory:', outbox: false, clock: systemClock, log: keepingLog() })
})
afterAll(() => store.close())

const unread = storedFile({ filename: 'scan.pdf' })
const read = storedFile({ text: { state: 'ready', tokens: 5_000 } })
const picture = storedFile({ mimeType: 'image/png', filename: 'a.png' })
/** "hi" is 1 token, the heading 13, one message adds 4 and the answer's priming 3. */
const SAID_TOKENS = 21
const about = (file: StoredFile, over: Over = {}) => {
  const content: MessageInitShape<typeof MessageSchema>['content'] = [
    { kind: { case: 'text', value: 'hi' } },
    mediumOf(file),
  ]
  return ask('', { messages: [{ role: Role.USER, content }], ...over } as Over)
}
const everything = partsOf(unread, read, picture)
const entry = (id: string, over = {}) => ({ ...assumedEntry(id, `${id}-model`), ...over })
const namesOf = (input: Pick<CountInput, 'files' | 'messages'> | undefined) => ({
  stored: [...(input?.files?.stored.values() ?? [])],
  isGiven: input?.files?.giving === NO_GIVING,
  parts: input?.messages.flatMap(({ content }) => content.map(({ kind }) => kind.case)),
})

describe('the stored files of a chat', () => {
  it('go to everybody who is asked', async () => {
    const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'down')
    const [one, two] = [
      createScriptedProvider('one', [[down]]),
      createScriptedProvider('two', [saying('a cat')]),
    ]
    const rig = createCompletionRig([one, two], { files: everything })
    const routing = { fallbackModels: ['two-model'] }
    await rig.complete(createTestCall().call, about(picture, { routing } as Over))
    const given = { stored: [picture], isGiven: true, parts: ['text', 'media'] }
    expect([...one.asked, ...two.asked].map(namesOf)).toEqual(one.asked.map(() => given).concat(given))
    expect(two.asked).toHaveLength(1)
  })

  it('go to whoever goes on with an answer that broke', async () => {
    const cut = new GatewayError('UPSTREAM_BROKEN', 'cut')
    const one = createScriptedProvider('one', [[[{ type: 'text', text: 'a ' }], cut]])
    const two = { ...createScriptedProvider('two', [saying('cat')]), continues: () => true }
    const rig = createCompletionRig([one, two], { files: everything })
    const routing = { fallbackModels: ['two-model'], reroute: true }
    const answer = await rig.complete(createTestCall().call, about(picture, { routing } as Over))
    expect(create(CompleteResponseSchema, answer).provider).toBe('two')
    expect(two.asked.map(namesOf)).toEqual([{ stored: [picture], isGiven: true, parts: ['text', 'media'] }])
  })

  it('are nothing where a chat has none', async () => {
    const one = createScriptedProvider('one', [saying('hello')])
    const rig = createCompletionRig([one], { files: everything })
    await rig.complete(createTestCall().call, ask('hi'))
    expect(one.asked[0]?.files).toBeUndefined()
  })

  it('of somebody else are not found, and nobody is asked', async () => {
    const one = createScriptedProvider('one', [saying('hello')])
    const rig = createCompletionRig([one], { files: everything })
    await expect(rig.complete(createTestCall('other').call, about(picture))).rejects.toMatchObject({
      reason: 'FILE_NOT_FOUND',
    })
    expect(one.asked).toEqual([])
  })

  it('without a text are for nobody who does not read them, and with one for everybody', async () => {
    const blind = entry('one', { modalitiesIn: ['text'] })
    const one = { ...createScriptedProvider('one', [saying('yes')]), models: [blind] }
    const rig = createCompletionRig([one], { files: everything })
    await expect(rig.complete(createTestCall().call, about(unread))).rejects.toMatchObject({
      reason: 'UNSUPPORTED',
    })
    await rig.complete(createTestCall().call, about(read))
    expect(one.asked).toHaveLength(1)
    const reading = { ...one, readsDocuments: () => true }
    await createCompletionRig([reading], { files: everything }).complete(createTestCall().call, about(unread))
    expect(one.asked).toHaveLength(2)
  })

  it('are too long where their texts are', async () => {
    const small = { ...createScriptedProvider('one', []), models: [entry('one', { contextWindow: 5_000 })] }
    const rig = createCompletionRig([small], { files: everything })
    await expect(rig.complete(createTestCall().call, about(read))).rejects.toMatchObject({
      reason: 'CONTEXT_TOO_LONG',
      message: expect.stringContaining(`needs ${5_000 + SAID_TOKENS} tokens`),
    })
  })

  it('are billed by their texts where nothing is reported', async () => {
    const one = createScriptedProvider('one', [saying('yes')])
    const rig = createCompletionRig([one], { files: everything })
    const { usage } = await rig.complete(createTestCall().call, about(read))
    expect(usage).toMatchObject({
      inputTokens: 5_000 + SAID_TOKENS,
      provenance: Usage_Provenance.ESTIMATED,
    })
  })
})

describe('a kept message with a stored file', () => {
  const finish = [{ type: 'finish', reason: FinishReason.STOP }] as const
  const keptTokens = async (file: StoredFile, provider: Provider) => {
    const files = partsOf(file)
    const { journal, conversations } = store
    const rig = createCompletionRig([provider], { journal, conversations, files })
    const { conversationId: id = '' } = await rig.complete(
      createTestCall().call,
      about(file, { conversationId: 'new' }),
    )
    const page = await conversations.history({ tenant: 'default', id, before: 9, limit: 9, maxBytes: 9_999 })
    return page.at(-1)?.tokens
  }

  it('is kept with the tokens of its text, or else with a guess', async () => {
    const one = createScriptedProvider('one', [saying('yes')])
    // Without the priming of the answer, which is none of the message's.
    expect(await keptTokens(read, one)).toBe(5_000 + SAID_TOKENS - 3)
    expect(await keptTokens(picture, one)).toBe(1 + 4 + 1_024)
  })

  it('is kept with the tokens of a text that was made while the call ran', async () => {
    const one = createScriptedProvider('one', [])
    const making: Provider = {
      ...one,
      async *open({ files }) {
        const stored = files?.stored as Map<string, StoredFile>
        stored.set(unread.id, { ...unread, text: { state: 'ready', tokens: 700 } })
        yield [{ type: 'text', text: 'yes' }]
        yield finish
      },
    }
    expect(await keptTokens(unread, making)).toBeGreaterThan(700)
    expect(await keptTokens(unread, making)).toBeLessThan(800)
  })

  it('fills a window in the next turn, and is given again where it fits', async () => {
    const { journal, conversations } = store
    const setUp = (contextWindow: number) => {
      const models = [entry('one', { contextWindow, maxOutputTokens: 20 })]
      const one = { ...createScriptedProvider('one', [saying('yes')]), models }
      const files = partsOf(read)
      return { one, rig: createCompletionRig([one], { journal, conversations, files }) }
    }
    const wide = setUp(20_000)
    const { conversationId = '' } = await wide.rig.complete(
      createTestCall().call,
      about(read, { conversationId: 'new' }),
    )
    await wide.rig.complete(createTestCall().call, ask('and then?', { conversationId } as Over))
    expect(namesOf(wide.one.asked[1])).toMatchObject({ stored: [read], isGiven: true })
    const narrow = setUp(5_000)
    await narrow.rig.complete(createTestCall().call, ask('and now?', { conversationId } as Over))
    expect(namesOf(narrow.one.asked[0]).parts).not.toContain('media')
  })
})

describe('what is said of a chat with stored files without asking anybody', () => {
  const models = [entry('one', { modalitiesIn: ['text'] }), entry('two', { modalitiesIn: ['text'] })]
  const catalogue = createCatalogue({ models: { asOf: '2026-01-01', problems: [], models }, now: () => 0 })
  const asking = (providers: readonly Provider[]) => ({
    routing: { configVersion: 1, catalogue, providers, now: () => 0 },
    counter: createTokenCounter(),
    conversations: NO_CONVERSATIONS,
    files: everything,
    clock: systemClock,
  })

  it('counts their texts', async () => {
    const one = createScriptedProvider('one', [])
    const { call } = createTestCall()
    expect(await countTokens(call, about(read), asking([one]))).toMatchObject({
      inputTokens: 5_000 + SAID_TOKENS,
      provenance: Usage_Provenance.ESTIMATED,
    })
    expect(await explainRoute(call, about(read), asking([one]))).toMatchObject({
      inputTokens: 5_000 + SAID_TOKENS,
    })
  })

  it('lets a provider that counts do so with the files', async () => {
    const asked: CountInput[] = []
    const counting: Provider = {
      ...createScriptedProvider('one', []),
      async countTokens(input) {
        asked.push(input)
        return { tokens: 77, notCounted: [] }
      },
    }
    const count = await countTokens(createTestCall().call, about(read), asking([counting]))
    expect(count).toMatchObject({ inputTokens: 77, provenance: Usage_Provenance.REPORTED })
    expect(asked.map(namesOf)).toEqual([{ stored: [read], isGiven: true, parts: ['text', 'media'] }])
  })

  it('names who would get them, and who not and why', async () => {
    const one = createScriptedProvider('one', [])
    const two = { ...createScriptedProvider('two', []), readsDocuments: () => true }
    const request = about(unread, { routing: { fallbackModels: ['two-model'] } } as Over)
    const { candidates, skipped } = await explainRoute(createTestCall().call, request, asking([one, two]))
    expect(candidates?.map(({ provider }) => provider)).toEqual(['two'])
    expect(skipped?.map(({ message }) => message)).toEqual(['it does not read pdf (messages[0].content[1])'])
  })
})
