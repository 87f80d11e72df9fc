// Asks a model about a chat that names stored files: gives them first, and again when the provider has lost one.
import { type Delta, type Deltas, isOutput } from '../core/delta.ts'
import { GatewayError, type Reason } from '../core/errors.ts'
import type { FileGiver, FilesInput, Given, GivingWay } from './file-giver.ts'
import type { GivenInput } from './given.ts'

/** Refusals that may mean that a file which the request names is not there; no provider has a code of its own for it. */
const perhapsLost: ReadonlySet<Reason> = new Set<Reason>([
  'INVALID_REQUEST',
  'FILE_NOT_FOUND',
  'MODEL_NOT_FOUND',
  'UNSUPPORTED',
])
/** How long giving may take once the model was asked, in milliseconds: less than the wait for a first token, which runs on. */
const AGAIN_MS = 60_000

/** Asks once; and once more, by the same way, when a copy that was remembered turns out to be lost. */
export async function* askWithFiles(
  giver: FileGiver,
  asking: FilesInput,
  way: GivingWay,
  ask: (input: GivenInput) => Deltas,
): Deltas {
  // What was changed for the first request is changed for the second one, too.
  const input = { ...asking, warn: onlyOnce(asking.warn) }
  const first = await giver.give(input, way, input.signal)
  const lost = yield* asked(input, first, ask, async fault => {
    const isSuspect = perhapsLost.has(fault.reason) && first.copies.some(({ isRemembered }) => isRemembered)
    return isSuspect && (await giver.forgetLost(first, input, way))
  })
  if (lost) yield* asked(input, await giveAgain(giver, input, way), ask, async () => false)
}

function onlyOnce(warn: FilesInput['warn']): FilesInput['warn'] {
  const told = new Set<string>()
  return warning => {
    const name = JSON.stringify([warning.reason, warning.field, warning.message])
    if (!told.has(name)) warn(warning)
    told.add(name)
  }
}

/** Whether it was refused, and `mayAgain` says that it can be asked again. Throws every other failure. */
async function* asked(
  input: FilesInput,
  { messages, names, endpoint, release }: Given,
  ask: (input: GivenInput) => Deltas,
  mayAgain: (fault: GatewayError) => Promise<boolean>,
): AsyncGenerator<readonly Delta[], boolean> {
  let wasSent = false
  let hasOutput = false
  const sent = (): void => {
    wasSent = true
    input.sent?.()
  }
  try {
    for await (const batch of ask({ ...input, messages, copies: names, endpoint, sent })) {
      if (!hasOutput && batch.some(isOutput)) {
        hasOutput = true
        // The request has gone out long ago.
        release()
      }
      yield batch
    }
    return false
  } catch (error) {
    if (!wasSent || hasOutput || input.signal.aborted || !(error instanceof GatewayError)) throw error
    release()
    if (await mayAgain(error)) return true
    throw error
  } finally {
    release()
  }
}

async function giveAgain(giver: FileGiver, input: FilesInput, way: GivingWay): Promise<Given> {
  const limit = AbortSignal.timeout(AGAIN_MS)
  try {
    return await giver.give(input, way, AbortSignal.any([input.signal, limit]))
  } catch (error) {
    if (!limit.aborted || input.signal.aborted) throw error
    const { provider } = input.model
    const message = `${provider} lost a file, and did not take it again within ${AGAIN_MS / 1000} s`
    throw new GatewayError('UPSTREAM_UNAVAILABLE', message, { provider, against: 'nobody', cause: error })
  }
}
