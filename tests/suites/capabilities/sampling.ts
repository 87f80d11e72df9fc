// How freely a model speaks, where it stops, and the fields that help to repeat, to find, to bill and to watch.
import { expect } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { textOf, user } from '../../unit/providers/attempt.ts'
import { type Capability, isAltered, question } from '../capability.ts'
import { capabilityIds } from '../capability-ids.ts'
import { cellOf, type RequestInit } from '../provider-rig.ts'

const hi = { messages: [user('Hi')] }
const has = (field: string) => (body: object) => field in body

/** The rows, but for `strict`, which is about all of them. */
export const sampling = {
  temperature: question({
    title: 'Temperature',
    test: 'sends a temperature of 0.5',
    request: { ...hi, temperature: 0.5 },
    isNative: body => body['temperature'] === 0.5,
  }),
  'high-temperature': question({
    title: 'Temperature above 1',
    test: 'sends a temperature of 1.5, or the highest that there is',
    request: { ...hi, temperature: 1.5 },
    isNative: body => body['temperature'] === 1.5,
  }),
  'top-p': question({
    title: 'Top p',
    test: 'sends a top_p of 0.9',
    request: { ...hi, topP: 0.9 },
    isNative: body => body['top_p'] === 0.9,
  }),
  stop: question({
    title: 'A stop string',
    test: 'ends the answer before a stop string',
    request: { messages: [user('one two STOP three')], stop: ['STOP'] },
    isNative: has('stop'),
    check({ deltas, warnings }) {
      expect(textOf(deltas)).toContain('one two')
      if (warnings.length === 0) expect(textOf(deltas)).not.toMatch(/STOP|three/)
      expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
    },
  }),
  'many-stops': question({
    title: 'Six stop strings',
    test: 'sends as many stop strings as there may be',
    request: { messages: [user('one two')], stop: ['a1', 'b2', 'c3', 'd4', 'e5', 'f6'] },
    isNative: has('stop'),
  }),
  cap: question({
    title: 'Cap of the output',
    test: 'caps the output',
    request: { messages: [user('one two')], maxOutputTokens: 4000 },
    isNative: body => Object.values(body).includes(4000),
  }),
  'high-cap': question({
    title: 'Cap above what the model writes',
    test: 'caps the output at what the model writes, if that is less',
    request: { messages: [user('one two')], maxOutputTokens: 2_000_000 },
    isNative: body => Object.values(body).includes(2_000_000),
  }),
  seed: question({
    title: 'Seed',
    test: 'sends a seed',
    request: { ...hi, seed: 42n },
    isNative: body => body['seed'] === 42,
  }),
  user: question({
    title: 'End user',
    test: 'names the end user',
    request: { ...hi, user: 'customer-4711' },
    isNative: body => Object.values(body).includes('customer-4711'),
  }),
  'cache-key': question({
    title: 'Key of the prompt cache',
    test: 'sends the key of the prompt cache',
    request: { ...hi, promptCacheKey: 'session-1' },
    isNative: body => body['prompt_cache_key'] === 'session-1',
  }),
  tier: question({
    title: 'Tier of service',
    test: 'sends the tier of service',
    request: { ...hi, serviceTier: 'priority' },
    isNative: body => body['service_tier'] === 'priority',
  }),
  labels: question({
    title: 'Labels',
    test: 'keeps labels to itself where the provider has no use for them',
    request: { ...hi, metadata: { team: 'blue' } },
    isNative: has('metadata'),
  }),
  'own-fields': {
    title: 'Fields of the provider itself',
    test: 'passes the fields of provider_options through, for this provider and for any',
    async run(rig) {
      const own = rig.spec.ownFields
      const request: RequestInit = {
        ...hi,
        providerOptions: { [rig.spec.id]: own, elsewhere: { odd: true } },
      }
      const { bodies, error, warnings } = await rig.ask(request)
      expect(error).toBeUndefined()
      expect(warnings).toEqual([])
      if (rig.double !== undefined) {
        expect(bodies[0]).toMatchObject(own)
        expect(bodies[0]).not.toHaveProperty('odd')
        const forAny = await rig.ask({ ...hi, providerOptions: { '*': own } })
        expect(forAny.bodies[0]).toMatchObject(own)
      }
      return 'native'
    },
  },
  several: {
    title: 'Several answers to one call',
    test: 'refuses to ask for several answers, before anybody is asked',
    async run(rig) {
      const { bodies, error } = await rig.ask({ ...hi, providerOptions: { '*': { n: 2 } } })
      expect(error?.reason).toBe('INVALID_REQUEST')
      expect(error?.message).toContain('provider_options.*.n')
      expect(bodies).toEqual([])
      return 'refused'
    },
  },
} as const satisfies Readonly<Record<string, Capability>>

/** Makes the row about `strict`: everything that another row altered is refused, and nothing else is. */
export function strictRow(
  rows: Readonly<Partial<Record<(typeof capabilityIds)[number], Capability>>>,
): Capability {
  return {
    title: '`strict`',
    test: 'refuses under strict just what it would alter, before anybody is asked',
    async run(rig) {
      for (const id of capabilityIds) {
        const [row, given] = [rows[id], rig.spec.cells[id]]
        if (row?.strictly === undefined || given === undefined) continue
        const cell = cellOf(given)
        const { bodies, error } = await row.strictly(rig, cell)
        if (isAltered(cell)) expect([id, error?.reason, bodies]).toEqual([id, 'UNSUPPORTED', []])
        else expect([id, error]).toEqual([id, undefined])
      }
      return 'native'
    },
  }
}
