// The contract that every provider keeps: a test for each capability, and the outcome of each for the table of the docs.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Upstream } from '../support/upstream/server.ts'
import { capabilities } from './capabilities.ts'
import { type CapabilityId, capabilityIds } from './capability-ids.ts'
import { cellOf, createRig, type Rig } from './provider-rig.ts'
import type { Outcome, ProviderSpec } from './provider-spec.ts'

/** What tests have found, by provider and capability. */
export type Findings = Map<string, Map<CapabilityId, Outcome>>

/** What an adapter keeps to before all else: a new one that passes these can be used. */
export const coreIds: readonly CapabilityId[] = [
  'text',
  'stream',
  'system',
  'tools',
  'tool-loop',
  'foreign-history',
  'json-schema',
  'own-fields',
  'several',
  'usage',
  'finish',
  'errors',
  'error-200',
  'error-midway',
  'cut',
  'cancel',
]

/** Tests one provider, all of the contract or some of it, and writes what each test found into `findings`. */
export function providerSuite(
  spec: ProviderSpec,
  findings: Findings = new Map(),
  ids: readonly CapabilityId[] = capabilityIds,
): void {
  describe(spec.name, () => {
    let double: Upstream | undefined
    let rig: Rig
    const found = new Map<CapabilityId, Outcome>()
    findings.set(spec.name, found)

    beforeAll(async () => {
      double = await spec.upstream?.start()
    })
    afterAll(async () => {
      await double?.close()
    })
    beforeEach(() => {
      rig = createRig(spec, spec.make(double?.url ?? ''), double)
    })
    afterEach(async () => {
      await rig.provider.close()
      // A script that nobody took would be met by another test.
      expect(double?.waiting() ?? 0).toBe(0)
    })

    for (const id of ids) {
      if (spec.absent?.[id] !== undefined) continue
      const cell = cellOf(spec.cells[id] ?? 'native')
      // What is done otherwise than asked says so in its title.
      const how =
        cell.outcome === 'native' ? '' : ` (${cell.outcome === 'none' ? 'there is none' : cell.outcome})`
      it(`${capabilities[id].test}${how}`, async () => {
        const outcome = await capabilities[id].run(rig, cell)
        expect(outcome).toBe(cell.outcome)
        found.set(id, outcome)
      })
    }
  })
}
