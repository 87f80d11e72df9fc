// One call on its direct way, as all who work on it know it.
import type { PortResponse } from '../../../server/port-handler.ts'
import type { Served } from '../served.ts'
import type { OwnContext } from './context.ts'
import type { OwnMethod } from './method.ts'
import type { Shape } from './shape.ts'

/** One call. */
export interface OwnCall {
  readonly context: OwnContext
  readonly res: PortResponse
  readonly served: Served
  readonly method: OwnMethod
  readonly shape: Shape
  /** Name of the compression that the client reads; undefined when it names none that there is. */
  readonly encoding: string | undefined
}
