// Circuits under calls that begin, end, break and are cancelled in any order, while time passes and operators switch.
import { expect, test, vi } from 'vitest'
import type { Permit } from '../../../src/routing/circuit-permit.ts'
import { type Chance, createChance } from '../../support/seeded.ts'
import { broken, createRig, holdTime, overload, settled } from './circuit-rig.ts'

const RUNS = 300
const STEPS = 120

/** Takes one permit out of a list. */
function taken(running: Permit[], chance: Chance): Permit | undefined {
  return running.splice(chance.below(running.length), 1)[0]
}

function wordOf(permit: Permit, chance: Chance): void {
  const word = chance.below(8)
  if (word < 4) permit.failed(overload)
  else if (word < 6) permit.succeeded()
  else if (word === 6) permit.release()
  else {
    permit.succeeded()
    permit.failed(broken)
  }
}

async function live(
  seed: number,
): Promise<{ readonly states: ReadonlySet<string>; readonly probes: number }> {
  const chance = createChance(seed)
  const { circuits, events, state } = createRig()
  const running: Permit[] = []
  const states = new Set<string>()
  let probes: { readonly permit: Permit; readonly change: number }[] = []
  let probesEver = 0

  function begin(): void {
    const isHalfOpen = state().state === 'half_open'
    const permit = circuits.admit('double', 'm')
    expect(permit === undefined, `seed ${seed}`).toBe(
      state().state === 'open' || (isHalfOpen && probes.length > 0),
    )
    if (permit === undefined) return
    running.push(permit)
    if (isHalfOpen) {
      probes.push({ permit, change: events.length })
      probesEver += 1
    }
  }

  for (let step = 0; step < STEPS; step += 1) {
    const what = chance.below(20)
    if (what < 10) begin()
    else if (what < 17) {
      const permit = taken(running, chance)
      if (permit !== undefined) wordOf(permit, chance)
    } else if (what === 17) await vi.advanceTimersByTimeAsync(chance.oneOf([1, 10_000, 30_000]))
    else if (what === 18 && chance.below(6) === 0)
      circuits.set('double', 'm', chance.oneOf(['open', 'close', 'reset']), {
        reason: '',
        ...(chance.below(2) === 0 ? { holdMs: 20_000 } : {}),
      })
    // Now and then somebody looks in the middle of a judgement.
    const turns = chance.below(4) === 0 ? chance.below(12) : undefined
    if (turns === undefined) await settled()
    for (let turn = 0; turn < (turns ?? 0); turn += 1) await undefined
    // A probe is over with its word, or when the circuit changed.
    probes = probes.filter(({ permit, change }) => running.includes(permit) && change === events.length)
    if (turns !== undefined) await settled()
    expect(probes.length, `seed ${seed}`).toBeLessThanOrEqual(1)
    states.add(state().state ?? 'none')
  }
  for (const permit of running) wordOf(permit, chance)
  await settled()
  if (state().state === 'open') circuits.set('double', 'm', 'close', { reason: '' })
  expect(circuits.refusal('double', 'm'), `seed ${seed}`).toBeUndefined()
  for (const event of events) {
    const [failed = 0, calls = 0] =
      event.type === 'circuit.changed' ? (event.reason.match(/\d+/g)?.map(Number) ?? []) : []
    if (
      event.type === 'circuit.changed' &&
      event.from === 'closed' &&
      event.reason.endsWith('calls failed')
    ) {
      expect(calls, `seed ${seed}`).toBeGreaterThanOrEqual(10)
      expect(failed / calls, `seed ${seed}`).toBeGreaterThanOrEqual(0.5)
    }
  }
  return { states, probes: probesEver }
}

test('half-open admits one call at a time, and no permit is ever lost, in whatever order things happen', async () => {
  holdTime()
  const seen = new Set<string>()
  let probes = 0
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const run = await live(seed)
    for (const state of run.states) seen.add(state)
    probes += run.probes
  }
  expect([...seen].sort()).toEqual(['closed', 'half_open', 'none', 'open'])
  expect(probes).toBeGreaterThan(RUNS)
})
