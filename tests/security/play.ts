// Plays attacks, several at a time, while honest callers go on, and judges at the end what the services did over all.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, shortly } from './attack.ts'
import { startHonest } from './honest.ts'
import { FIRST_KEY } from './keyring.ts'
import { contentsOf, type Stage, type Target } from './stage.ts'

/** How an attack went. */
export interface Played {
  readonly attack: Pick<Attack, 'topic' | 'name'>
  /** What is wrong; none when the service held. */
  readonly problems: readonly string[]
  readonly seconds: number
}

/** How to play. */
export interface PlayOptions {
  readonly atOnce: number
  readonly onPlayed?: (played: Played) => void
}

/** Longest that an attack may take, in milliseconds. */
const LIMIT_MS = 150_000

/** From so many attacks on, something must have been heard on every surface. */
const ALL_HEARD_FROM = 100

/** What a service may take at most while it is attacked, in KiB of resident memory. */
const MEMORY_KIB_MAX = 700 * 1024

/** Plays all attacks: those that wait for limits of time begin first, those that must be alone come last. Then the rows about the whole. */
export async function play(
  stage: Stage,
  attacks: readonly Attack[],
  options: PlayOptions,
): Promise<readonly Played[]> {
  const callers = [stage.open, stage.guarded].map(target => startHonest(stage, target))
  const results: Played[] = []
  const note = (played: Played): void => {
    results.push(played)
    options.onPlayed?.(played)
  }
  const waiting = attacks.filter(attack => attack.isLong !== true && attack.isAlone !== true)
  const patient = attacks
    .filter(attack => attack.isLong === true && attack.isAlone !== true)
    .map(attack => playOne(stage, attack).then(note))
  const worker = async (): Promise<void> => {
    for (let attack = waiting.shift(); attack !== undefined; attack = waiting.shift())
      note(await playOne(stage, attack))
  }
  await Promise.all([...Array.from({ length: options.atOnce }, worker), ...patient])
  await Promise.all(callers.map(caller => caller.stop()))
  for (const attack of attacks.filter(({ isAlone }) => isAlone === true)) note(await playOne(stage, attack))

  note(
    whole('an honest caller of each gateway was answered throughout', [
      ...callers.flatMap(caller => caller.failures()),
      ...callers.filter(caller => caller.answered() === 0).map(() => 'an honest caller never got to ask'),
    ]),
  )
  for (const target of [stage.open, stage.guarded]) for (const played of await judge(target)) note(played)
  note(
    whole(
      'nobody was led to the listener that is nobody’s',
      stage.trap.visits.map(said => `somebody said ${said}`),
    ),
  )
  note(whole('no secret was heard anywhere', await soughtSecrets(stage, attacks.length >= ALL_HEARD_FROM)))
  return results
}

function whole(name: string, problems: readonly string[]): Played {
  return { attack: { topic: 'over all', name }, problems, seconds: 0 }
}

async function playOne(stage: Stage, attack: Attack): Promise<Played> {
  const startedAtMs = performance.now()
  const problems = await Promise.race([
    attack.run(stage).catch((error: unknown) => [`the attack itself failed: ${error}`]),
    sleep(LIMIT_MS, [`it did not end within ${LIMIT_MS / 1000} s`] as readonly string[], { ref: false }),
  ])
  return { attack, problems, seconds: (performance.now() - startedAtMs) / 1000 }
}

/** What a service must be like after everything. */
async function judge({ name, service, wire }: Target): Promise<readonly Played[]> {
  const health = await wire.h1({ method: 'GET', path: '/health' })
  const memory = /^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${service.pid}/status`, 'utf8'))?.[1]
  return [
    whole(
      `the ${name} gateway is alive and well`,
      health.status === 200 ? [] : [`its health is ${health.status} ${health.body}`],
    ),
    whole(
      `the ${name} gateway never took more than ${MEMORY_KIB_MAX / 1024} MiB`,
      Number(memory) <= MEMORY_KIB_MAX ? [] : [`it took ${Math.round(Number(memory) / 1024)} MiB`],
    ),
    whole(
      `the ${name} gateway met no fault of its own`,
      service
        .log()
        .filter(
          ({ level, code, reason }) =>
            level === 'error' || level === 'fatal' || (code === 'INTERNAL' && reason !== 'INVALID_REQUEST'),
        )
        .map(line => JSON.stringify(line).slice(0, 600))
        .slice(0, 5),
    ),
    whole(`the log of the ${name} gateway has whole lines of plain text`, logProblems(service.output())),
  ]
}

// What a terminal obeys or what turns a line around: control characters, line separators, marks of direction.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

function logProblems(output: string): readonly string[] {
  const lines = output.trimEnd().split('\n')
  return lines.flatMap(line => lineProblem(line) ?? []).slice(0, 5)
}

function lineProblem(line: string): string | undefined {
  if (FIRST_KEY.test(line)) return undefined
  const at = line.search(UNPRINTABLE)
  if (at >= 0)
    return `a line has U+${line.charCodeAt(at).toString(16)} in it: ${shortly(line.slice(at - 30, at + 30))}`
  try {
    const { msg } = JSON.parse(line)
    return String(msg).startsWith('forged') ? `a line is forged: ${shortly(line)}` : undefined
  } catch {
    return `a line is no JSON: ${shortly(line)}`
  }
}

/** Listens to everything that a service leaves behind, and searches all of it. */
async function soughtSecrets(stage: Stage, isWhole: boolean): Promise<readonly string[]> {
  const { hearing, secrets } = stage
  for (const { service, wire, dataDir } of [stage.open, stage.guarded]) {
    const metrics = await wire.h1({ method: 'GET', path: '/metrics' })
    hearing.hear('metrics', metrics.body)
    // The one line that is for people, and that only once.
    const shown = service
      .output()
      .split('\n')
      .filter(line => FIRST_KEY.test(line))
    if (shown.length > 1) return ['the first key was shown more than once']
    hearing.hear(
      'log',
      service
        .output()
        .split('\n')
        .filter(line => !FIRST_KEY.test(line))
        .join('\n'),
    )
    hearing.hear('process', await readFile(`/proc/${service.pid}/cmdline`, 'latin1'))
    hearing.hear('process', await readFile(`/proc/${service.pid}/comm`, 'latin1'))
    for (const { name, text } of [...(await contentsOf(dataDir)), ...(await stage.rows())]) {
      const found = secrets.filter(secret => secret.surfaces === undefined && text.includes(secret.text))
      if (found.length > 0) return found.map(secret => `${secret.name} lies in ${name}`)
    }
  }
  const silent = (['log', 'metrics', 'error', 'answer', 'process'] as const).filter(
    surface => hearing.count(surface) === 0,
  )
  return [
    ...(isWhole ? silent : []).map(surface => `nothing was heard in ${surface}, so nothing could be found`),
    ...hearing.search(secrets),
  ]
}
