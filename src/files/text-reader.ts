// Reads the text of files after their upload, one after the other; what a crash left unread is found again in the store.
import type { Blobs } from '../core/blobs.ts'
import { GatewayError } from '../core/errors.ts'
import type { Files } from '../core/files.ts'
import type { Log } from '../core/log.ts'
import { decodeText, isTextType } from '../core/text-file.ts'
import type { TokenCounter } from '../metering/count.ts'

/** The most bytes of a file whose text is read: some 2 million tokens, more than any context window. */
export const TEXT_BYTES_MAX = 8 * 1024 * 1024

/**
 * Reads types that are no text by themselves, such as PDF. `text` gives undefined for a file whose text cannot be read
 * (damaged, encrypted or too large), and an empty one for a file that has none, such as a scan. It rejects once the signal is
 * aborted.
 */
export interface Extract {
  reads(mimeType: string): boolean
  text(bytes: AsyncIterable<Uint8Array>, mimeType: string, signal: AbortSignal): Promise<string | undefined>
  /** Frees what it holds. */
  close?(): Promise<void>
}

/** What texts are read with. */
export interface TextReaderDeps {
  readonly files: Pick<Files, 'unread' | 'putText'>
  readonly blobs: Pick<Blobs, 'read'>
  readonly counter: Pick<TokenCounter, 'countText'>
  /** Absent: only text itself is read. */
  readonly extract?: Extract | undefined
  readonly log: Log
}

/** Reads texts in the background. */
export interface TextReader {
  /** Whether files of a type have a text that is read. */
  hasText(mimeType: string): boolean
  /** Looks for what is to be read, and reads it. To be called after an upload, at the start and now and then. */
  wake(): void
  /** Resolves when nothing is being read. */
  idle(): Promise<void>
  /** Stops; what was not read is read after the next start. */
  close(): Promise<void>
}

const BATCH = 16

/** Makes a reader that sleeps. */
export function createTextReader({ files, blobs, counter, extract, log }: TextReaderDeps): TextReader {
  const ending = new AbortController()
  const { signal } = ending
  let running: Promise<void> | undefined
  let isWoken = false

  async function read(blobKey: string, mimeType: string): Promise<void> {
    const bytes = blobs.read(blobKey, 0, Number.MAX_SAFE_INTEGER)
    const isText = isTextType(mimeType)
    const text = isText ? await wholeText(bytes) : await extract?.text(bytes, mimeType, signal)
    signal.throwIfAborted()
    if (text === undefined) return files.putText(blobKey, { state: 'failed' })
    // What was written as text may be empty. What has no text at all is no document of no words: it may be a scan.
    if (!isText && text === '') return files.putText(blobKey, { state: 'none' })
    const { tokens } = await counter.countText(text, signal)
    return files.putText(blobKey, { state: 'ready', tokens, text })
  }

  async function tryRead(blobKey: string, mimeType: string): Promise<void> {
    try {
      await read(blobKey, mimeType)
    } catch (err) {
      signal.throwIfAborted()
      log.warn('the text of a file cannot be read', { err, blob: blobKey })
      // Else it would be found again for ever.
      await files.putText(blobKey, { state: 'failed' })
    }
  }

  async function run(): Promise<void> {
    while (isWoken && !signal.aborted) {
      isWoken = false
      for (;;) {
        const found = await files.unread(BATCH)
        for (const { blobKey, mimeType } of found) {
          signal.throwIfAborted()
          await tryRead(blobKey, mimeType)
        }
        if (found.length < BATCH) break
      }
    }
  }

  function wake(): void {
    isWoken = true
    running ??= run()
      .catch((err: unknown) => {
        if (!signal.aborted) log.error('texts of files cannot be read now', { err })
      })
      .finally(() => {
        running = undefined
        // Woken after the last look, and before it had ended.
        if (isWoken && !signal.aborted) wake()
      })
  }

  return {
    hasText: mimeType => isTextType(mimeType) || extract?.reads(mimeType) === true,
    wake,
    async idle() {
      while (running !== undefined) await running
    },
    async close() {
      ending.abort(new GatewayError('SHUTTING_DOWN', 'the service is ending'))
      await running
      await extract?.close?.()
    },
  }
}

/** Undefined for bytes that are too many or no text. */
async function wholeText(bytes: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of bytes) {
    sizeBytes += part.byteLength
    if (sizeBytes > TEXT_BYTES_MAX) return undefined
    parts.push(part)
  }
  return decodeText(Buffer.concat(parts))
}
