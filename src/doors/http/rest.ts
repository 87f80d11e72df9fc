// What of a body has no name in the contract: it goes to whoever answers.
import type { JsonObject } from '@bufbuild/protobuf'
import type { OwnFields } from './own.ts'

/** The fields that have no name here go to whoever answers; what the caller says for that in words of ours wins. */
export function withRest(
  options: OwnFields['providerOptions'],
  rest: JsonObject,
): OwnFields['providerOptions'] {
  if (Object.keys(rest).length === 0) return options
  return { ...options, '*': { ...rest, ...options['*'] } }
}
