// Every row of the contract between this service and a provider.

import { endingRows } from './capabilities/endings.ts'
import { formats } from './capabilities/formats.ts'
import { sampling, strictRow } from './capabilities/sampling.ts'
import { speech } from './capabilities/speech.ts'
import { toolRows } from './capabilities/tools.ts'
import type { Capability } from './capability.ts'
import type { CapabilityId } from './capability-ids.ts'
import { createRig, type Rig } from './provider-rig.ts'

const questions = { ...speech, ...toolRows, ...formats, ...sampling }

async function fresh({ spec, double }: Rig): Promise<{ readonly rig: Rig; close(): Promise<void> }> {
  const provider = spec.make(double?.url ?? '')
  return { rig: createRig(spec, provider, double), close: () => provider.close() }
}

/** By id. */
export const capabilities: Readonly<Record<CapabilityId, Capability>> = {
  ...questions,
  strict: strictRow(questions),
  ...endingRows(fresh),
}
