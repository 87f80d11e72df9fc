// What the service and the thread that reads PDF say to each other.

/** What a PDF may cost. */
export interface PdfLimits {
  /** The most bytes of a file. */
  readonly fileBytesMax: number
  /** The most pages. */
  readonly pagesMax: number
  /** The most bytes of the text, as UTF-8. */
  readonly textBytesMax: number
  /** How long one file may take, in milliseconds, without the wait for files before it. */
  readonly timeMs: number
  /** The most memory of the thread, in bytes: its heap and what it holds outside of it. */
  readonly memoryBytesMax: number
  /** After how many milliseconds without a file the thread is ended. */
  readonly idleMs: number
}

/** What the thread has to know of them. */
export type PageLimits = Pick<PdfLimits, 'pagesMax' | 'textBytesMax'>

/** Why there is no text of a PDF. */
export type NoText = 'encrypted' | 'damaged' | 'too many pages' | 'too much text' | 'unknown characters'

/** What the thread makes of the bytes of a PDF, which are all that it is sent. The text is empty where there are only pictures. */
export type PdfAnswer = { readonly text: string } | { readonly noText: NoText }
