// The tier of service that a provider says it has served.
import type { JsonObject } from '@bufbuild/protobuf'

/** The tier that the metadata of an answer names; undefined when they name none. */
export function tierIn(metadata: JsonObject = {}): string | undefined {
  const { service_tier: tier } = metadata
  return typeof tier === 'string' ? tier : undefined
}
