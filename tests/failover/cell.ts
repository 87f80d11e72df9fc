// A cell of the report: one scenario for one provider and one shape of call.
import { type Case, PROVIDERS, type ProviderName, type Scenario, SHAPES, type Shape } from './scenario.ts'

/** One cell. */
export interface Cell {
  readonly scenario: Scenario
  readonly provider: ProviderName
  readonly shape: Shape
  readonly plan: Case
}

/** A cell and what was wrong with it. */
export interface CellResult {
  readonly cell: Cell
  /** Empty: everything was as it must be. */
  readonly problems: readonly string[]
  /** From the first call to the last ending, in milliseconds. */
  readonly ms: number
}

/** Every cell of some scenarios. */
export const cellsOf = (scenarios: readonly Scenario[]): readonly Cell[] =>
  scenarios.flatMap(scenario =>
    SHAPES.flatMap(shape => {
      const plan = scenario.cases[shape]
      if (plan === undefined) return []
      const providers = PROVIDERS.filter(one => scenario.providers?.includes(one) ?? true)
      return providers.map((provider): Cell => ({ scenario, provider, shape, plan }))
    }),
  )

/** The name of a cell, for people. */
export const titleOf = ({
  scenario,
  provider,
  shape,
}: Pick<Cell, 'scenario' | 'provider' | 'shape'>): string => `${scenario.name}, ${provider}, ${shape}`
