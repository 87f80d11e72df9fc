// What the models of each provider get of a request, where one model differs from another; the doubles refuse all else.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../suites/provider-rig.ts'
import type { ProviderSpec } from '../suites/provider-spec.ts'
import type { Upstream } from '../support/upstream/server.ts'
import { known } from '../unit/providers/known.ts'
import type { Adaptation } from './adaptations/adaptation.ts'
import { glmCases } from './adaptations/glm.ts'
import { kimiCases } from './adaptations/kimi.ts'
import { miniMaxCases } from './adaptations/minimax.ts'
import { openAiCases } from './adaptations/openai.ts'
import { glm } from './specs/glm.ts'
import { kimi } from './specs/kimi.ts'
import { miniMax } from './specs/minimax.ts'
import { openAi } from './specs/openai.ts'

const all: readonly (readonly [ProviderSpec, readonly Adaptation[]])[] = [
  [openAi, openAiCases],
  [glm, glmCases],
  [kimi, kimiCases],
  [miniMax, miniMaxCases],
]

describe.each(all)('$name', (spec, cases) => {
  let double: Upstream | undefined
  let rig: Rig
  beforeAll(async () => {
    double = await spec.upstream?.start()
    rig = createRig(spec, spec.make(double?.url ?? ''), double)
  })
  afterAll(async () => {
    await rig.provider.close()
    await double?.close()
  })

  it.each(cases)('$title', async one => {
    const { error, bodies, warnings } = await rig.ask(one.ask, {
      model: known(one.model),
      stream: one.stream ?? false,
      ...(one.history === undefined ? {} : { history: one.history }),
    })
    expect(error?.reason).toBe(one.refused)
    if (one.refused !== undefined) return expect(bodies).toEqual([])
    expect(warnings).toEqual(one.warnings ?? [])
    if (one.path !== undefined) expect(rig.upstream().requests.at(-1)?.path).toBe(one.path)
    expect(bodies.at(-1)).toMatchObject({ model: one.model, ...one.body })
    for (const field of one.without ?? []) expect(bodies.at(-1)).not.toHaveProperty(field)
  })
})
