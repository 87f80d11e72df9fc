// The monitoring service on the wire: SetCircuit reads its message strictly and answers with the circuits.
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import type { CircuitState } from '../../../../src/routing/circuit-life.ts'
import type { SwitchWish } from '../../../../src/status/circuit-switch.ts'
import { errorOf, post, startServer } from './harness.ts'

const METHOD = 'exai.v1.MonitoringService/SetCircuit'

const held: CircuitState = {
  provider: 'double',
  model: 'm',
  state: 'open',
  sinceMs: Date.parse('2026-11-22T17:00:00Z'),
  reason: 'set by an operator: maintenance',
  failureRatio: 0,
  callCount: 0,
  held: true,
}
const tripped: CircuitState = {
  ...held,
  model: 'n',
  reason: '12 of 20 calls failed',
  failureRatio: 0.6,
  callCount: 20,
  held: false,
  probeAtMs: held.sinceMs + 30_000,
}

async function ask(body: object, answer: readonly CircuitState[] = []) {
  const wishes: SwitchWish[] = []
  await using server = await startServer({
    setCircuit: (_call, wish) => {
      wishes.push(wish)
      return answer
    },
  })
  const response = await post(server.url, METHOD, JSON.stringify(body))
  return { status: response.status, body: await response.text(), wishes }
}

describe('SetCircuit', () => {
  test('hands on what is asked, and shows the circuits', async () => {
    const request = {
      provider: 'double',
      model: 'm',
      action: 'ACTION_OPEN',
      reason: 'maintenance',
      holdDuration: '90.5s',
    }
    const { wishes, body } = await ask(request, [held, tripped])
    expect(wishes).toEqual([
      { provider: 'double', model: 'm', action: 'open', reason: 'maintenance', holdMs: 90_500 },
    ])
    expect(JSON.parse(body)).toEqual({
      circuits: [
        {
          provider: 'double',
          model: 'm',
          state: 'STATE_OPEN',
          changeTime: '2026-11-22T17:00:00Z',
          reason: 'set by an operator: maintenance',
          held: true,
        },
        {
          provider: 'double',
          model: 'n',
          state: 'STATE_OPEN',
          changeTime: '2026-11-22T17:00:00Z',
          reason: '12 of 20 calls failed',
          failureRatio: 0.6,
          callCount: 20,
          probeTime: '2026-11-22T17:00:30Z',
        },
      ],
    })
  })

  test.each([
    ['ACTION_CLOSE', 'close'],
    ['ACTION_RESET', 'reset'],
  ])('takes %s for every model of a provider', async (action, wanted) => {
    const { wishes, status } = await ask({ provider: 'double', action })
    expect(wishes).toEqual([{ provider: 'double', model: '', action: wanted, reason: '' }])
    expect(status).toBe(200)
  })

  const open = { provider: 'double', action: 'ACTION_OPEN' }

  test.each([
    ['no provider', { action: 'ACTION_OPEN' }, /^provider is required/],
    ['no action', { provider: 'double' }, /^action is required/],
    ['an action that is none', { ...open, action: 9 }, /^action is required/],
    ['a reason of 201 characters', { ...open, reason: 'ü'.repeat(201) }, /^reason must have at most 200/],
    ['no time to hold', { ...open, holdDuration: '0s' }, /^hold_duration must be above zero/],
    ['a negative time to hold', { ...open, holdDuration: '-1s' }, /^hold_duration must be above zero/],
    [
      'a time to hold closed',
      { ...open, action: 'ACTION_CLOSE', holdDuration: '1s' },
      /^hold_duration goes with ACTION_OPEN/,
    ],
    [
      'a time to reset',
      { ...open, action: 'ACTION_RESET', holdDuration: '1s' },
      /^hold_duration goes with ACTION_OPEN/,
    ],
  ])('refuses %s', async (_what, request, message) => {
    const { body, wishes, status } = await ask(request)
    const error = await errorOf(new Response(body))
    expect([status, error.reason, wishes]).toEqual([400, expect.anything(), []])
    expect(error.message).toMatch(message)
  })

  test('takes a reason of 200 characters, and the shortest time', async () => {
    const { wishes } = await ask({ ...open, reason: '😀'.repeat(200), holdDuration: '0.001s' })
    expect(wishes).toMatchObject([{ holdMs: 1 }])
  })

  test('fails as the switch fails', async () => {
    await using server = await startServer({
      setCircuit: () => {
        throw new GatewayError('MODEL_NOT_FOUND', 'double has no model with the exact id "x"')
      },
    })
    const response = await post(server.url, METHOD, JSON.stringify({ ...open, model: 'x' }))
    expect(response.status).toBe(404)
    expect(await errorOf(response)).toMatchObject({ message: 'double has no model with the exact id "x"' })
  })
})
