// The text of a PDF by pdf.js, page by page. Only for the thread of pdf-worker.ts: a file may take all memory, or never end.
import { getDocument, PasswordException, type PDFDocumentProxy, type PDFPageProxy } from 'unpdf/pdfjs'
import { GatewayError } from '../core/errors.ts'
import { cmapOf } from './pdf-cmaps.ts'
import type { PageLimits, PdfAnswer } from './pdf-protocol.ts'

type Content = Awaited<ReturnType<PDFPageProxy['getTextContent']>>

/** What pdf.js asks for what a file does not bring: tables of encodings. There are neither fonts nor programs. */
function Tables(): { fetch(asked: { kind: string; filename: string }): Promise<Uint8Array> } {
  return {
    async fetch({ kind, filename }) {
      const table = kind === 'cMapUrl' ? cmapOf(filename) : undefined
      if (table === undefined) throw new GatewayError('INTERNAL', 'there is no such table')
      return new TextEncoder().encode(table)
    },
  }
}

/** What stands between the texts of two pages. */
const PAGE_BREAK = '\n\n'

/**
 * Reads a PDF: the text of its pages in their order, with an empty line between two; a page without text leaves nothing,
 * and one that is broken says so in its place. The bytes can't be used afterwards. Every fault of a file is an answer.
 */
export async function readPdf(bytes: Uint8Array, limits: PageLimits): Promise<PdfAnswer> {
  // No script of a PDF is ever run: what pdf.js is asked for here has no way to. Nothing is fetched, drawn or looked up.
  const task = getDocument({
    data: bytes,
    verbosity: 0,
    stopAtErrors: false,
    useSystemFonts: false,
    disableFontFace: true,
    enableXfa: false,
    useWasm: false,
    useWorkerFetch: false,
    disableRange: true,
    disableStream: true,
    disableAutoFetch: true,
    isOffscreenCanvasSupported: false,
    isImageDecoderSupported: false,
    maxImageSize: 1,
    cMapPacked: false,
    BinaryDataFactory: Tables,
  })
  try {
    return await textOf(await task.promise, limits)
  } catch (error) {
    return { noText: error instanceof PasswordException ? 'encrypted' : 'damaged' }
  } finally {
    await task.destroy().catch(() => undefined)
  }
}

async function textOf(
  document: PDFDocumentProxy,
  { pagesMax, textBytesMax }: PageLimits,
): Promise<PdfAnswer> {
  if (document.numPages > pagesMax) return { noText: 'too many pages' }
  const pages: string[] = []
  let leftBytes = textBytesMax
  let brokenPages = 0
  for (let number = 1; number <= document.numPages; number += 1) {
    try {
      const text = await pageText(document, number, leftBytes)
      if (text === undefined) return { noText: 'too much text' }
      if (text === '') continue
      leftBytes -= Buffer.byteLength(text) + PAGE_BREAK.length
      pages.push(text)
    } catch {
      // It does not take the others with it, and nobody shall believe that this is all.
      pages.push(`[page ${number} cannot be read]`)
      brokenPages += 1
    }
  }
  if (brokenPages > 0 && brokenPages === pages.length) return { noText: 'damaged' }
  const text = pages.join(PAGE_BREAK)
  return isUnknown(text) ? { noText: 'unknown characters' } : { text }
}

/** The text of a page; undefined when it is too long. */
async function pageText(
  document: PDFDocumentProxy,
  number: number,
  bytesMax: number,
): Promise<string | undefined> {
  const page = await document.getPage(number)
  // As a stream: forms within forms can make the text of a page as long as its author likes.
  const stream = page.streamTextContent({ includeMarkedContent: false }).getReader()
  const parts: string[] = []
  let sizeBytes = 0
  for (;;) {
    // Its type is any; a chunk is the items that were found since the last one.
    const { done, value }: { done: boolean; value?: Content } = await stream.read()
    if (done) break
    for (const item of value?.items ?? []) {
      if (!('str' in item)) continue
      const text = item.hasEOL ? `${item.str}\n` : item.str
      sizeBytes += Buffer.byteLength(text)
      parts.push(text)
    }
    if (sizeBytes > bytesMax) {
      // Not awaited: it ends when the page does, and the whole file is let go of now.
      stream.cancel(new Error('too much text')).catch(() => undefined)
      return undefined
    }
  }
  page.cleanup()
  return tidy(parts.join(''))
}

/** One spelling of every character, no control characters but tab and line feed, and no blank where a line ends. */
function tidy(text: string): string {
  return (
    text
      .toWellFormed()
      .normalize('NFC')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away; PostgreSQL stores no U+0000
      .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '')
      .replace(/(?<![ \t])[ \t]+$/gm, '')
      .replace(/\n{3,}/g, '\n\n')
      .trim()
  )
}

/** Whether most of a text is U+FFFD: its fonts show glyphs, and nothing says which characters they are. */
function isUnknown(text: string): boolean {
  return (text.match(/\ufffd/g)?.length ?? 0) * 2 > text.replace(/\s/g, '').length
}
