// The JSON of costs, beside that of the protobuf runtime.
import { create, toJsonString } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { type Cost, CostLineSchema, CostSchema } from '#gen/exai/v1/usage_pb'
import { costJson } from '../../../../src/stores/sqlite/cost-json.ts'

const line = create(CostLineSchema, {
  bucket: 'input',
  quantity: 12,
  nanoUsdPerMillion: 9_007_199_254_740_993n,
  nanoUsd: -3n,
  provider: 'ä"\\',
  model: '\u2028\u0000',
  cause: 'retry',
})
const full = create(CostSchema, {
  nanoUsd: 9_007_199_254_740_993n,
  lines: [line, create(CostLineSchema)],
  priceVersion: 'p',
  known: true,
})

it('is the canonical JSON', () => {
  const costs: readonly Cost[] = [
    full,
    create(CostSchema),
    create(CostSchema, { lines: [line] }),
    create(CostSchema, { known: true }),
    create(CostSchema, { priceVersion: 'only' }),
  ]
  for (const cost of costs) expect(costJson(cost)).toBe(toJsonString(CostSchema, cost))
})

it('has every field that there is', () => {
  // A field that the contract gets later must be written here, too.
  const names = (schema: typeof CostSchema | typeof CostLineSchema) =>
    schema.fields.map(field => field.jsonName)
  const written = JSON.parse(costJson(full))
  expect(Object.keys(written)).toEqual(names(CostSchema))
  expect(Object.keys(written.lines[0])).toEqual(names(CostLineSchema))
})
