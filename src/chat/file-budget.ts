// How much the files of one chat may be, known before a byte of them is read.
import { GatewayError } from '../core/errors.ts'
import type { StoredFile } from '../core/files.ts'

/**
 * Limits of the files in one chat: a text counts in every place where it stands, all else once. What one request takes of them
 * is for its provider to say.
 */
export const FILE_PART_LIMITS = {
  files: 64,
  /** Some 2 million tokens, more than any context window. */
  textBytes: 8 * 1024 * 1024,
  /** As much as the provider that takes most takes of one file (platform.openai.com/docs/api-reference/files). */
  fileBytes: 512 * 1024 * 1024,
  /** Of all that are no text. */
  otherBytes: 1024 * 1024 * 1024,
  imageBytes: 20 * 1024 * 1024,
} as const

/** What the files of one chat have taken so far. */
export interface FileBudget {
  /** Takes a file's bytes. Throws INVALID_REQUEST naming the field when they are too many. */
  claim(file: StoredFile, field: string, kind: 'text' | 'other'): void
}

/** Makes the budget of a chat. */
export function createFileBudget(): FileBudget {
  const taken = { text: 0, other: 0 }
  return {
    claim({ id, mimeType, sizeBytes }, field, kind) {
      const { textBytes, fileBytes, otherBytes, imageBytes } = FILE_PART_LIMITS
      const size = `${field}: ${id} has ${sizeBytes} bytes`
      if (kind === 'other' && mimeType.startsWith('image/') && sizeBytes > imageBytes)
        throw invalid(`${size}, and an image takes at most ${imageBytes}`)
      if (kind === 'other' && sizeBytes > fileBytes)
        throw invalid(`${size}, and a file in a chat takes at most ${fileBytes}`)
      const sum = taken[kind] + sizeBytes
      const most = kind === 'text' ? textBytes : otherBytes
      const what = kind === 'text' ? 'text files' : 'files other than text'
      if (sum > most)
        throw invalid(`${field}: with ${id} the ${what} of this chat have ${sum} bytes, and may have ${most}`)
      taken[kind] = sum
    },
  }
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
