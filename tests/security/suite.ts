// All attacks by topic, and the table of how they went.
import type { Attack } from './attack.ts'
import { bodyAttacks } from './attacks/bodies.ts'
import { browserAttacks } from './attacks/browsers.ts'
import { credentialAttacks } from './attacks/credentials.ts'
import { frameAttacks } from './attacks/frames.ts'
import { framingAttacks } from './attacks/framing.ts'
import { injectionAttacks } from './attacks/injection.ts'
import { logLineAttacks } from './attacks/log-lines.ts'
import { mediaAttacks } from './attacks/media.ts'
import { nameAttacks } from './attacks/names.ts'
import { ownFieldAttacks } from './attacks/own-fields.ts'
import { slowAttacks } from './attacks/slow.ts'
import { targetAttacks } from './attacks/targets.ts'
import { timingAttacks } from './attacks/timing.ts'
import { tokenAttacks } from './attacks/tokens.ts'
import type { Played } from './play.ts'

/** Every attack there is. */
export const attacks: readonly Attack[] = [
  ...tokenAttacks,
  ...credentialAttacks,
  ...timingAttacks,
  ...framingAttacks,
  ...targetAttacks,
  ...bodyAttacks,
  ...nameAttacks,
  ...frameAttacks,
  ...injectionAttacks,
  ...logLineAttacks,
  ...browserAttacks,
  ...mediaAttacks,
  ...slowAttacks,
  ...ownFieldAttacks,
]

const inWhole: readonly string[] = ['tokens', 'credentials', 'targets']

/** The part that every test run plays: what decides who is let in, and each second of the others that wait for no limit. */
export const smoke: readonly Attack[] = attacks.filter(
  ({ topic, isLong = false }, index) => !isLong && (inWhole.includes(topic) || index % 2 === 0),
)

/** One line for each topic, one for each thing that is wrong, and the sum. */
export function tableOf(results: readonly Played[], isWhole: boolean): string {
  const topics = [...new Set(results.map(({ attack }) => attack.topic))]
  const width = Math.max(...topics.map(topic => topic.length))
  const rows = topics.flatMap(topic => {
    const own = results.filter(({ attack }) => attack.topic === topic)
    const failed = own.filter(({ problems }) => problems.length > 0).length
    const head = `${topic.padEnd(width)}  ${String(own.length - failed).padStart(4)} passed  ${String(failed).padStart(3)} failed`
    const lines = own.filter(({ problems }) => isWhole || problems.length > 0).flatMap(linesOf)
    return [head, ...lines]
  })
  const failed = results.filter(({ problems }) => problems.length > 0).length
  return [...rows, `${results.length - failed} passed, ${failed} failed`].join('\n')
}

function linesOf({ attack, problems, seconds }: Played): readonly string[] {
  const mark = problems.length === 0 ? '✓' : '✗'
  return [
    `  ${mark} ${attack.name} (${seconds.toFixed(1)} s)`,
    ...problems.map(problem => `      ${problem.slice(0, 500)}`),
  ]
}
