// Which files are text, and how their bytes become one.

const TEXT_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'application/jsonl',
  'application/x-ndjson',
  'application/xml',
  'application/yaml',
  'application/x-yaml',
  'application/toml',
  'application/sql',
  'application/javascript',
  'application/x-javascript',
  'application/x-sh',
])

/** Whether files of a MIME type are text: `text/*`, and the formats that are written as text. In lower case, without parameters. */
export function isTextType(mimeType: string): boolean {
  return mimeType.startsWith('text/') || TEXT_TYPES.has(mimeType) || /\+(?:json|xml|yaml)$/.test(mimeType)
}

/**
 * The text of a file: UTF-8, or UTF-16 that begins with a byte order mark, which is not part of the text. Undefined when the
 * bytes are neither, or when U+0000 is among them, which no text holds and PostgreSQL does not store.
 */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    // A TypeError, and the only thing that a fatal decoder throws: these bytes are in another encoding.
    return undefined
  }
}

/** The encoding that the first bytes tell: UTF-16 needs its byte order mark. */
export function encodingOf(head: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  return 'utf-8'
}

/** The line over the text of a file, by which a model knows what it is; the name is what the caller shows the model. */
export function fileHeading(
  file: { readonly mimeType: string; readonly sizeBytes: number },
  name: string,
): string {
  return `[file ${JSON.stringify(name)}, ${file.mimeType}, ${file.sizeBytes} bytes]`
}
