// What an answer costs, how it ends, and what goes wrong on the way.
import { expect } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { textOf, user } from '../../unit/providers/attempt.ts'
import { countsOf } from '../../unit/providers/known.ts'
import type { Capability } from '../capability.ts'
import type { Rig } from '../provider-rig.ts'
import type { UpstreamSpec } from '../provider-spec.ts'

const words = { messages: [user('one two three four five six')] }

function upstreamOf(rig: Rig): UpstreamSpec {
  if (rig.spec.upstream === undefined) throw new Error(`${rig.spec.name} asks nobody`)
  return rig.spec.upstream
}

async function broken(rig: Rig, fault: string): Promise<void> {
  const { deltas, error } = await rig.ask(words, { stream: true, scripts: [{ faults: [fault] }] })
  expect(deltas.some(({ type }) => type === 'text' || type === 'reasoning')).toBe(true)
  expect(deltas.some(({ type }) => type === 'finish')).toBe(false)
  expect(error?.reason).toBe('UPSTREAM_BROKEN')
}

/** The rows. Those that fail come one by one with a fresh pool of keys: a refused key stays out. */
export function endingRows(fresh: (rig: Rig) => Promise<{ readonly rig: Rig; close(): Promise<void> }>) {
  async function failing(rig: Rig, stream: boolean, fault: string) {
    const other = await fresh(rig)
    try {
      return await other.rig.ask(words, { stream, scripts: [{ faults: [fault] }] })
    } finally {
      await other.close()
    }
  }
  return {
    usage: {
      title: 'Token counts',
      test: 'tells the counts of tokens, once the answer is there',
      async run(rig) {
        for (const stream of [false, true]) {
          const { deltas } = await rig.ask({ messages: [user('one two three')] }, { stream })
          const counts = countsOf(deltas)
          if (rig.spec.upstream === undefined) expect(counts?.outputTokens).toBeGreaterThan(0)
          else expect(counts).toMatchObject(rig.spec.upstream.usage)
        }
        return 'native'
      },
    },
    cached: {
      title: 'Cached input',
      test: 'tells how much of the input was read from a cache',
      async run(rig) {
        for (const stream of [false, true]) {
          const scripts = [{ answer: { usage: { promptTokens: 90, cachedTokens: 64 } } }]
          const { deltas } = await rig.ask(words, { stream, scripts })
          expect(countsOf(deltas)).toMatchObject({ inputTokens: 90, cachedInputTokens: 64 })
        }
        return 'native'
      },
    },
    finish: {
      title: 'Why the answer ended',
      test: 'says whether an answer ended by itself, at its cap or at a filter',
      async run(rig) {
        const { finishWords } = upstreamOf(rig)
        const expected = [
          ['stop', FinishReason.STOP],
          [finishWords.length, FinishReason.LENGTH],
          [finishWords.contentFilter, FinishReason.CONTENT_FILTER],
        ] as const
        for (const [finishReason, reason] of expected) {
          for (const stream of [false, true]) {
            const { deltas } = await rig.ask(words, { stream, scripts: [{ answer: { finishReason } }] })
            expect(deltas.at(-1)).toEqual({ type: 'finish', reason })
          }
        }
        return 'native'
      },
    },
    errors: {
      title: 'Errors by what they mean',
      test: 'tells errors by what they mean and whom they count against',
      async run(rig) {
        for (const [name, { fault, reason, against, trouble }] of Object.entries(upstreamOf(rig).faults)) {
          for (const stream of [false, true]) {
            const { error, deltas } = await failing(rig, stream, fault)
            expect([name, error?.reason, error?.details.against]).toEqual([name, reason, against])
            if (trouble !== undefined) expect([name, error?.details.keyTrouble]).toEqual([name, trouble])
            expect(deltas.filter(({ type }) => type !== 'meta')).toEqual([])
          }
        }
        return 'native'
      },
    },
    'error-200': {
      title: 'An error under status 200',
      test: 'finds an error under status 200 before anything of it is passed on',
      async run(rig) {
        const { fault, reason, against } = upstreamOf(rig).errorIn200
        for (const stream of [false, true]) {
          const { error, deltas } = await failing(rig, stream, fault)
          expect([error?.reason, error?.details.against]).toEqual([reason, against])
          expect(deltas.filter(({ type }) => type !== 'meta')).toEqual([])
        }
        return 'native'
      },
    },
    'error-midway': {
      title: 'An error in the middle',
      test: 'ends an answer that fails in the middle as broken, never as answered',
      async run(rig) {
        await broken(rig, upstreamOf(rig).errorAfter(8))
        return 'native'
      },
    },
    cut: {
      title: 'A connection that breaks',
      test: 'ends an answer as broken when its connection breaks or its stream just stops',
      async run(rig) {
        for (const fault of ['cut-after-events=8', 'fin-after-events=8', 'end-after-events=8'])
          await broken(rig, fault)
        return 'native'
      },
    },
    cancel: {
      title: 'Leaving',
      test: 'closes the connection at once when the caller leaves',
      async run(rig) {
        const leaving = new AbortController()
        const reason = new GatewayError('CANCELLED', 'the caller left')
        const { deltas, error } = await rig.ask(
          { ...words, ...(rig.double === undefined ? { providerOptions: { '*': { delay_ms: 1000 } } } : {}) },
          {
            stream: true,
            signal: leaving.signal,
            scripts: [{ faults: ['silence-after-events=8'] }],
            onDelta: delta => {
              if (delta.type === 'text' || delta.type === 'reasoning') leaving.abort(reason)
            },
          },
        )
        expect(error).toBe(reason)
        expect(textOf(deltas)).not.toContain('six')
        if (rig.double === undefined) return 'native'
        const left = rig.double.requests.at(-1)
        await rig.double.waitFor(request => request === left && request.closedByClientAtMs !== undefined)
        return 'native'
      },
    },
  } as const satisfies Readonly<Record<string, Capability>>
}
