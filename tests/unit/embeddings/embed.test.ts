// An embedding through its stages: whoever serves the one model, parts, ends of every kind, and what is settled of each.
import { describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RouteAttempt_Outcome as Outcome, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import { eventually } from '../../support/eventually.ts'
import { createTestCall } from '../../support/test-call.ts'
import { embedder, embeddingOf, scripted } from './rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'it answered 500', { upstreamStatus: 500 })
const untaken = down.with({ isUntaken: true })
const broken = new GatewayError('UPSTREAM_BROKEN', 'it sent half an answer')
const three = { model: 'vectors', inputs: ['a', 'b', 'c'] }

async function errorOf(call: Promise<unknown>): Promise<GatewayError> {
  const caught = await call.then(
    () => new Error('the call succeeded'),
    (error: unknown) => error,
  )
  if (caught instanceof GatewayError) return caught
  throw caught
}

describe('an embedding', () => {
  it('has the vectors in the order of the inputs, and is settled once with what was reported', async () => {
    const one = scripted('one', [[3]])
    const { embed, journal, moved } = embeddingOf([one])
    const { call, facts } = createTestCall()
    const answer = await embed(call, { ...three, user: 'u-1' })
    expect(answer.embeddings.map(({ index, values }) => [index, values])).toEqual([
      [0, [0, 3]],
      [1, [1, 3]],
      [2, [2, 3]],
    ])
    expect(answer).toMatchObject({
      provider: 'one',
      model: 'vectors',
      warnings: [],
      usage: { inputTokens: 3, outputTokens: 0, provenance: Provenance.REPORTED },
      cost: { known: true, nanoUsd: 3_000n, lines: [{ provider: 'one', cause: 'first' }] },
      route: { requestedModel: 'vectors', reason: 'explicit model', configVersion: 7 },
    })
    expect(journal.recent()).toMatchObject([
      {
        requestedModel: 'vectors',
        answeredBy: { provider: 'one', model: 'vectors' },
        outcome: { type: 'completed' },
        ledger: [{ provider: 'one', model: 'vectors', usage: { inputTokens: 3 }, cost: { nanoUsd: 3_000n } }],
      },
    ])
    expect(journal.recent()[0]?.responseId).toMatch(/^resp_/)
    expect(facts()).toMatchObject({
      provider: 'one',
      model: 'vectors',
      user: 'u-1',
      isStreaming: false,
      inputTokens: 3,
    })
    const asked = { provider: 'one', model: 'vectors', operation: 'embeddings' }
    expect(moved.map(({ name }) => name)).toEqual(['overhead', 'attemptEnded', 'tokens', 'cost', 'chatEnded'])
    for (const { name, of } of moved) if (name !== 'overhead') expect(of).toMatchObject(asked)
  })

  it('asks for what the request says, and for no answer to a chat', async () => {
    const one = scripted('one', [[3]])
    await embeddingOf([one]).embed(createTestCall().call, {
      ...three,
      dimensions: 5,
      strict: true,
      user: 'u',
    })
    expect(one.asked).toMatchObject([
      {
        messages: [],
        stream: false,
        embed: { inputs: ['a', 'b', 'c'], dimensions: 5 },
        request: { strict: true, user: 'u', messages: [] },
      },
    ])
  })

  it('counts here what is not reported, and says so', async () => {
    const { embed } = embeddingOf([scripted('one', [[2]], { reports: false })])
    const answer = await embed(createTestCall().call, { model: 'vectors', inputs: ['hello world', 'hello'] })
    // 2 and 1 tokens of o200k; there are no messages around them.
    expect(answer.usage).toMatchObject({ inputTokens: 3, outputTokens: 0, provenance: Provenance.ESTIMATED })
  })

  it('is told to whoever listens, attempt by attempt', async () => {
    const events: GatewayEvent[] = []
    const { embed } = embeddingOf([scripted('one', [[down]]), scripted('two', [[3]])], {
      onEvent: event => void events.push(event),
    })
    await embed(createTestCall().call, three)
    expect(events.map(event => [event.type, 'attempt' in event ? event.attempt.provider : ''])).toEqual([
      ['attempt.started', 'one'],
      ['attempt.ended', 'one'],
      ['attempt.started', 'two'],
      ['attempt.ended', 'two'],
    ])
  })
})

describe('who is asked', () => {
  it('is whoever serves the same model, and never another one that is configured to follow', async () => {
    const one = scripted('one', [[down]])
    const two = scripted('two', [[3]])
    const other = scripted('three', [[3]], { entry: embedder('three', { id: 'other' }) })
    const answer = await embeddingOf([one, two, other]).embed(createTestCall().call, three)
    expect(answer.provider).toBe('two')
    expect(answer.route?.attempts.map(({ provider, outcome }) => [provider, outcome])).toEqual([
      ['one', Outcome.FAILED],
      ['two', Outcome.SUCCEEDED],
    ])
    const alone = embeddingOf([one, other])
    expect((await errorOf(alone.embed(createTestCall().call, three))).reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(other.asked).toEqual([])
  })

  it('is one provider alone where the name says so, and the model of an alias', async () => {
    const one = scripted('one', [[down]])
    const two = scripted('two', [[3]])
    const { embed } = embeddingOf([one, two], { aliases: [{ alias: 'search', model: 'two/vectors' }] })
    const error = await errorOf(embed(createTestCall().call, { ...three, model: 'ONE/Vectors' }))
    expect([error.reason, error.details.provider, two.asked.length]).toEqual([
      'UPSTREAM_UNAVAILABLE',
      'one',
      0,
    ])
    expect((await embed(createTestCall().call, { ...three, model: 'Search' })).provider).toBe('two')
  })

  it('is not another model that goes by the same alias, but one that is said to be the same', async () => {
    const one = scripted('one', [[down]], { entry: embedder('one', { aliases: ['best'] }) })
    const two = scripted('two', [[3]], { entry: embedder('two', { id: 'strange', aliases: ['best'] }) })
    const third = scripted('three', [[3]], {
      entry: embedder('three', { id: 'org/vectors', aliases: ['best', 'vectors'] }),
    })
    const { embed } = embeddingOf([one, two, third])
    const answer = await embed(createTestCall().call, { ...three, model: 'best' })
    expect([answer.provider, answer.model, two.asked.length]).toEqual(['three', 'org/vectors', 0])
  })

  it('is nobody who cannot embed', async () => {
    const chats = scripted('one', [[3]], { entry: { ...embedder('one'), endpoints: ['chat/completions'] } })
    const error = await errorOf(embeddingOf([chats]).embed(createTestCall().call, three))
    expect([error.reason, error.message]).toEqual([
      'UNSUPPORTED',
      'nobody can answer for model "vectors": one/vectors: vectors is no embedding model',
    ])
    const { embeds: _, ...without } = scripted('one', [[3]])
    const lacking = await errorOf(embeddingOf([without]).embed(createTestCall().call, three))
    expect(lacking.reason).toBe('UNSUPPORTED')
    expect(lacking.details.route?.skipped).toMatchObject([
      { reason: Skip.CAPABILITY, message: 'one has no endpoint for embeddings at its address' },
    ])
    expect(lacking.details.route?.configVersion).toBe(7)
    const unknown = await errorOf(
      embeddingOf([chats]).embed(createTestCall().call, { ...three, model: 'nothing' }),
    )
    expect(unknown.reason).toBe('MODEL_NOT_FOUND')
  })

  it('is nobody whose model is too small for one of the texts, whatever all of them have', async () => {
    const small = scripted('one', [[2]], { entry: embedder('one', { contextWindow: 10 }) })
    const large = scripted('two', [[2]], {
      entry: { ...assumedEntry('two', 'vectors'), contextWindow: 1_000 },
    })
    const inputs = ['one two three four five six seven', 'eight nine ten eleven twelve']
    const fits = await embeddingOf([small, large]).embed(createTestCall().call, { model: 'vectors', inputs })
    expect(fits.provider).toBe('one')
    const long = { model: 'vectors', inputs: ['a', 'word '.repeat(20)] }
    const answer = await embeddingOf([small, large]).embed(createTestCall().call, long)
    expect([answer.provider, answer.route?.skipped.map(({ reason }) => reason)]).toEqual([
      'two',
      [Skip.CAPABILITY],
    ])
    const error = await errorOf(embeddingOf([small]).embed(createTestCall().call, long))
    expect(error.reason).toBe('CONTEXT_TOO_LONG')
  })
})

describe('parts', () => {
  it('that were made stay when the same provider is asked again, and each attempt is billed for its own', async () => {
    const one = scripted('one', [[2, untaken], [1]])
    const { embed, journal } = embeddingOf([one])
    const answer = await embed(createTestCall().call, three)
    expect(answer.embeddings.map(({ values }) => values[0])).toEqual([0, 1, 2])
    expect(answer.usage).toMatchObject({ inputTokens: 3 })
    expect(answer.cost?.nanoUsd).toBe(3_000n)
    expect(journal.recent()[0]?.ledger?.map(({ usage, cause }) => [usage?.inputTokens, cause])).toEqual([
      [2, 'first'],
      [1, 'retry'],
    ])
  })

  it('of one provider are not mixed with those of another', async () => {
    const answer = await embeddingOf([scripted('one', [[2, broken]]), scripted('second', [[2, 1]])]).embed(
      createTestCall().call,
      three,
    )
    expect(answer.embeddings.map(({ values }) => values)).toEqual([
      [0, 'second'.length],
      [1, 'second'.length],
      [2, 'second'.length],
    ])
    // Both may bill what they made.
    expect(answer.usage?.inputTokens).toBe(5)
  })

  it('that were made in vain are billed, and the error does not say that nothing was', async () => {
    const { embed, journal } = embeddingOf([scripted('one', [[2, down]])])
    const error = await errorOf(embed(createTestCall().call, three))
    expect([error.reason, error.message]).toEqual([
      'UPSTREAM_BROKEN',
      'only a part of the inputs was embedded: send fewer at once',
    ])
    expect(error.details.route?.attempts).toMatchObject([
      { outcome: Outcome.FAILED, error: ErrorReason.UPSTREAM_UNAVAILABLE },
    ])
    expect(journal.recent()).toMatchObject([
      {
        outcome: { type: 'failed', reason: 'UPSTREAM_BROKEN' },
        ledger: [{ usage: { inputTokens: 2, provenance: Provenance.PARTIAL } }],
      },
    ])
  })

  it('have the time of a first token each', async () => {
    const slow = embeddingOf([scripted('one', [['slow', 'slow', 'slow']])])
    expect((await slow.embed(createTestCall().call, three)).embeddings).toHaveLength(3)
    const silent = embeddingOf([scripted('one', [[1, 'silence']])])
    const error = await errorOf(silent.embed(createTestCall().call, three))
    expect(error.details.cause).toMatchObject({ message: 'one sent no first token for 0.4 s' })
  })

  it('with vectors of different lengths are a broken answer', async () => {
    const odd = scripted('one', [[2]])
    const { open } = odd
    odd.open = input => {
      input.embed?.add([[1, 2, 3]])
      return open(input)
    }
    const error = await errorOf(embeddingOf([odd]).embed(createTestCall().call, three))
    expect([error.reason, error.message]).toEqual([
      'UPSTREAM_BROKEN',
      'one sent vectors of different lengths',
    ])
  })
})

describe('an end', () => {
  it('of the call is one of the attempt, and is settled as cancelled', async () => {
    const one = scripted('one', [[2, 'silence']])
    const { embed, journal } = embeddingOf([one])
    const { call, end } = createTestCall()
    const failing = errorOf(embed(call, three))
    await eventually(() => expect(one.asked[0]?.embed?.done()).toBe(2))
    end(new GatewayError('CANCELLED', 'the client left'))
    expect((await failing).reason).toBe('CANCELLED')
    expect(journal.recent()).toMatchObject([
      {
        outcome: { type: 'cancelled', reason: 'CANCELLED' },
        ledger: [{ usage: { inputTokens: 2, provenance: Provenance.PARTIAL } }],
      },
    ])
    expect(one.asked).toHaveLength(1)
  })

  it('before anybody was asked books nothing', async () => {
    const one = scripted('one', [[3]])
    const { embed, journal } = embeddingOf([one])
    const error = await errorOf(embed(createTestCall().call, { ...three, inputs: [] }))
    expect(error.reason).toBe('INVALID_REQUEST')
    expect(journal.recent()).toMatchObject([{ outcome: { type: 'failed' }, attempts: [] }])
    expect(journal.recent()[0]?.ledger).toBeUndefined()
  })

  it('in a store that fails is the fault of the store, and does not hide another one', async () => {
    const full = new GatewayError('STORAGE_FULL', 'the disk is full')
    const journal = { commit: () => Promise.reject(full) }
    const done = await errorOf(
      embeddingOf([scripted('one', [[3]])], { journal }).embed(createTestCall().call, three),
    )
    expect(done.reason).toBe('STORAGE_FULL')
    const failed = await errorOf(
      embeddingOf([scripted('one', [[down]])], { journal }).embed(createTestCall().call, three),
    )
    expect([failed.reason, failed.cause]).toMatchObject(['UPSTREAM_UNAVAILABLE', { errors: [full] }])
  })
})
