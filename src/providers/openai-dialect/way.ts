// What is done around a request for hosts that lack something: the parts of it that their dialect asks for.
import type { Deltas } from '../../core/delta.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { Ask } from '../ask.ts'
import { withEmulatedSchema } from '../emulated-schema.ts'
import { type FetchMedia, withFetchedMedia } from '../fetch-media.ts'
import { withSearch } from '../search-loop.ts'
import { withStops } from '../stops.ts'
import { withToolNames } from '../tool-names.ts'
import type { Dialect } from './dialect.ts'

/** Asks a model by some way in, as Provider's `open` says. */
export type AskBy<Access> = (input: AttemptInput, access: Access) => Deltas

/** Adds to a request what the host lacks. All requests for one answer go the same way in. */
export function createWay<Access>(
  chat: AskBy<Access>,
  dialect: Dialect,
  fetchMedia: FetchMedia | undefined,
): AskBy<Access> {
  const { searchCall, stopsHere, toolNames } = dialect
  return (input, access) => {
    let ask: Ask = asked => chat(asked, access)
    if (searchCall !== undefined) ask = withSearch(ask, searchCall)
    if (toolNames !== undefined) ask = withToolNames(ask, toolNames, searchCall)
    if (stopsHere === true) ask = withStops(ask)
    ask = withEmulatedSchema(ask, dialect)
    // Outermost, so that nothing is downloaded twice for one answer.
    return withFetchedMedia(ask, dialect, fetchMedia)(input)
  }
}
