// One request to one model, and what the provider gets of it: what sets the models of a provider apart.

import type { RequestInit } from '../../suites/provider-rig.ts'
import type { JsonObject } from '../../support/upstream/shape.ts'
import type { MessageInit } from '../../unit/providers/known.ts'

/** A case of the table; what is not said is not looked at. */
export interface Adaptation {
  readonly title: string
  /** Id of a model in the bundled table. */
  readonly model: string
  readonly ask: RequestInit
  readonly history?: readonly MessageInit[]
  readonly stream?: boolean
  /** The path that is asked. */
  readonly path?: string
  /** Part of the body. */
  readonly body?: JsonObject
  /** Fields that are not in the body. */
  readonly without?: readonly string[]
  /** All warnings but notices, without their messages. */
  readonly warnings?: readonly string[]
  /** The reason of a refusal, with which nobody is asked. */
  readonly refused?: 'UNSUPPORTED' | 'INVALID_REQUEST'
}
