// The text that a provider makes of a document: made once, kept for everybody, and then the document is taken away there.
import { GatewayError } from '../core/errors.ts'
import type { StoredFile } from '../core/files.ts'
import { textOf } from './file-api.ts'
import { type CopyPlace, copyIfNeeded, discard, type FileCopy, forgetLost } from './file-copies.ts'

/** Most bytes of text of one document: some 2 million tokens, more than any context window. */
const TEXT_BYTES_MAX = 8 * 1024 * 1024

/** How often a document is looked for that goes away before its text was read: another one's, and then one's own. */
const TRIES = 3

/**
 * The text of a document, made by the provider if nobody has made one. Throws INVALID_REQUEST when there is none in it, what
 * the upload or the reading fails with, and the signal's reason.
 */
export async function providerText(
  file: StoredFile,
  purpose: string,
  place: CopyPlace,
  signal: AbortSignal,
): Promise<string> {
  const { provider, giving } = place
  for (let tries = 0; tries < TRIES; tries += 1) {
    // Somebody may have made it since the chat was put together, and takes the copy away when that is done.
    let made = await giving.text(file)
    if (made !== undefined) return made
    const copy = await copyIfNeeded(file, purpose, place, signal, async () => {
      made = await giving.text(file)
      return made === undefined
    })
    if (made !== undefined) return made
    const text = copy && (await tryRead(copy, place, signal))
    if (copy !== undefined && text !== undefined) return kept(file, text, copy, place, signal)
  }
  throw new GatewayError('UPSTREAM_UNAVAILABLE', `${provider} loses the files that it is sent`, {
    provider,
    against: 'nobody',
  })
}

/** The text of a copy; undefined when the provider does not have it any more, and then it is forgotten. */
async function tryRead(copy: FileCopy, place: CopyPlace, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await textOf(place, place.api.content(copy.remote, signal), TEXT_BYTES_MAX)
  } catch (error) {
    if (error instanceof GatewayError && error.reason === 'FILE_NOT_FOUND') {
      await forgetLost([{ ...copy, isRemembered: true }], place, signal)
      return undefined
    }
    // Nothing else needs it, and the next attempt may go to another account.
    void discard(copy, place)
    throw error
  }
}

async function kept(
  file: StoredFile,
  text: string,
  copy: FileCopy,
  place: CopyPlace,
  signal: AbortSignal,
): Promise<string> {
  const { provider, giving } = place
  const isEmpty = text.trim() === ''
  try {
    if (!isEmpty) await giving.keepText(file, text, signal)
  } catch {
    // A text that cannot be kept is a text all the same: the next one who needs it has it made again.
    signal.throwIfAborted()
  } finally {
    // Nobody waits for that: the text is here, or has to be made again.
    void discard(copy, place)
  }
  if (!isEmpty) return text
  throw new GatewayError('INVALID_REQUEST', `${provider} finds no text in ${file.id}`, {
    provider,
    against: 'nobody',
  })
}
