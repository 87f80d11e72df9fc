// What the time of a refusal could tell: whether a key is unknown, revoked, expired or was replaced.
import { rpc } from '../asking.ts'
import type { Attack } from '../attack.ts'

const ROUNDS = 200

/** Medians of the same work differ by less than this part of them, or by less than this many milliseconds. */
const PART_MAX = 0.4
const MS_MAX = 1

/** All of them. */
export const timingAttacks: readonly Attack[] = [
  {
    topic: 'credentials',
    name: `the time of ${ROUNDS} refusals each is compared for unknown, revoked, expired and replaced keys`,
    isLong: true,
    isAlone: true,
    run: async ({ guarded, keys }) => {
      const { revoked, expired, replaced } = keys
      const kinds = {
        unknown: '',
        revoked: revoked.secret,
        expired: expired.secret,
        replaced: replaced.secret,
      }
      const times = new Map<string, number[]>(Object.keys(kinds).map(kind => [kind, []]))
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const [kind, secret] of Object.entries(kinds)) {
          const key = secret === '' ? `exai_${String(round).padStart(43, 'U')}` : secret
          const startedAtMs = performance.now()
          const answer = await fetch(`${guarded.service.url}${rpc('ChatService/ListModels')}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-api-key': key },
            body: '{}',
          })
          await answer.arrayBuffer()
          times.get(kind)?.push(performance.now() - startedAtMs)
          if (answer.status !== 401) return [`a key that is ${kind} is answered ${answer.status}`]
        }
      }
      const medians = [...times].map(([kind, all]) => [kind, medianOf(all)] as const)
      const [least, most] = [Math.min, Math.max].map(pick => pick(...medians.map(([, median]) => median)))
      const isEven = (most ?? 0) - (least ?? 0) <= Math.max(MS_MAX, (least ?? 0) * PART_MAX)
      return isEven
        ? []
        : [`medians in ms: ${medians.map(([kind, median]) => `${kind} ${median.toFixed(2)}`).join(', ')}`]
    },
  },
]

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0
}
