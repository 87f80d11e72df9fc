// What `exai chat` reads from and writes to: the three streams of the process and its signals.
import { GatewayError } from '../core/errors.ts'

/** The part of the process that the command works with. */
export type ChatHost = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'on' | 'off'>

/** Writes, and tells when nobody reads any more. */
export interface Output {
  /** Resolves when the text has been taken; with false when it could not be, then and from then on. Never rejects. */
  write(text: string): Promise<boolean>
  /** Why writing failed. */
  failure(): NodeJS.ErrnoException | undefined
}

/** Longest question from standard input, in bytes. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024

/** Output to a stream, whose errors it takes from now on. */
export function createOutput(stream: NodeJS.WritableStream): Output {
  let failure: NodeJS.ErrnoException | undefined
  const onError = (error: Error): void => {
    failure ??= error
  }
  stream.on('error', onError)
  return {
    write: text =>
      new Promise(resolve => {
        if (failure !== undefined) return resolve(false)
        stream.write(text, error => {
          if (error) onError(error)
          resolve(failure === undefined)
        })
      }),
    failure: () => failure,
  }
}

/** Everything that comes, as text. Throws INVALID_REQUEST when it is none, too long, or cannot be read. */
export async function inputOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stream) {
      const piece = Buffer.from(chunk)
      bytes += piece.length
      if (bytes > INPUT_BYTES_MAX) throw invalid('standard input is too long: give a file with --file')
      chunks.push(piece)
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw invalid(`standard input cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw invalid('standard input is no text in UTF-8: give a file with --file')
  }
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
