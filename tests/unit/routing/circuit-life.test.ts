// One circuit with a judge in the test's hands: what it does while a judgement is under way.
import { expect, test } from 'vitest'
import type { CircuitStateName } from '../../../src/core/gateway-event.ts'
import { CIRCUIT_NUMBERS } from '../../../src/routing/circuit.ts'
import { createCircuit } from '../../../src/routing/circuit-life.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { settled } from './circuit-rig.ts'

function halfOpen() {
  const verdicts: ((state: CircuitStateName) => void)[] = []
  const clock = createHandClock()
  const circuit = createCircuit({
    provider: 'double',
    model: 'm',
    judge: {
      outcome: () => new Promise(resolve => void verdicts.push(resolve)),
      become: () => Promise.resolve(),
    },
    numbers: CIRCUIT_NUMBERS,
    clock,
    onChange: () => undefined,
  })
  circuit.set('open', { reason: '' })
  circuit.set('close', { reason: '' })
  return { circuit, clock, judge: (state: CircuitStateName) => verdicts.shift()?.(state) }
}

test('a judge that leaves it half-open leaves the place of the probe free', async () => {
  const { circuit, judge } = halfOpen()
  circuit.admit()?.succeeded()
  await settled()
  expect(circuit.admit()).toBeUndefined()
  judge('half_open')
  await settled()
  expect(circuit.admit()).toBeDefined()
})

test('a probe that has said its word is not given up while it is judged', async () => {
  const { circuit, clock, judge } = halfOpen()
  const probe = circuit.admit()
  clock.pass(CIRCUIT_NUMBERS.probeMaxMs - 1)
  probe?.succeeded()
  await settled()
  clock.pass(1)
  expect(circuit.admit()).toBeUndefined()
  judge('closed')
  await settled()
  expect(circuit.state()).toMatchObject({ state: 'closed', reason: 'the probe succeeded' })
})
