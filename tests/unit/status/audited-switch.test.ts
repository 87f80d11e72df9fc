// The audit of circuits that operators switch: one entry for what was done, none for what was refused.
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { AuditEntry } from '../../../src/core/keys.ts'
import { auditedSwitch } from '../../../src/status/audited-switch.ts'
import type { CircuitSwitch } from '../../../src/status/circuit-switch.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createTestCall } from '../../support/test-call.ts'

const clock = createHandClock()
const { call } = createTestCall()

function rigOf(switchCircuits: CircuitSwitch, fault?: Error) {
  const entries: AuditEntry[] = []
  const keys = {
    async audit(entry: AuditEntry) {
      if (fault !== undefined) throw fault
      entries.push(entry)
    },
  }
  return { entries, set: auditedSwitch(switchCircuits, { keys, clock }) }
}

describe('a switched circuit', () => {
  it('is written down with who did it, what, and why', async () => {
    const { entries, set } = rigOf(() => [])
    await set(call, { provider: 'openai', model: 'gpt', action: 'open', reason: 'because', holdMs: 90_000 })
    await set(call, { provider: 'glm', model: '', action: 'reset', reason: '' })
    const by = {
      at: clock.now(),
      tenant: call.caller.tenant,
      subject: call.caller.subject,
      requestId: call.id,
      action: 'circuit.set',
    }
    expect(entries).toMatchObject([
      {
        ...by,
        target: 'openai/gpt',
        details: { action: 'open', reason: 'because', hold_ms: '90000' },
      },
      { ...by, target: 'glm' },
    ])
    expect(entries[1]?.details).toEqual({ action: 'reset' })
    expect(new Set(entries.map(({ id }) => id)).size).toBe(2)
  })

  it('is not written down when it was refused', async () => {
    const refusal = new GatewayError('PERMISSION_DENIED', 'no')
    const { entries, set } = rigOf(() => {
      throw refusal
    })
    await expect(set(call, { provider: 'p', model: '', action: 'open', reason: '' })).rejects.toBe(refusal)
    expect(entries).toEqual([])
  })

  it('is switched, and the call fails, when it cannot be written down', async () => {
    let switched = 0
    const fault = new GatewayError('STORAGE_FULL', 'full')
    const { set } = rigOf(() => {
      switched += 1
      return []
    }, fault)
    await expect(set(call, { provider: 'p', model: '', action: 'open', reason: '' })).rejects.toBe(fault)
    expect(switched).toBe(1)
  })
})
