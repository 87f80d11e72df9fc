// Takes a multipart/form-data body apart as strictly as an upload endpoint does (RFC 7578).

/** One part of a form. `filename` and `contentType` are there when the part had them. */
export type FormPart = {
  readonly name: string
  readonly filename?: string
  readonly contentType?: string
  readonly bytes: Buffer
}

const BLANK_LINE = '\r\n\r\n'

/** Returns the parts in order; undefined when the header or the bytes are not a whole, well-formed form. */
export function parseForm(contentType: string | undefined, body: Buffer): readonly FormPart[] | undefined {
  const [, quoted, bare] =
    /^multipart\/form-data;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))$/i.exec(contentType ?? '') ?? []
  const boundary = quoted ?? bare
  if (boundary === undefined) return undefined
  const parts: FormPart[] = []
  // Every delimiter but the first begins with the line end of the part before it.
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const bytes = Buffer.concat([Buffer.from('\r\n'), body])
  let at = bytes.indexOf(delimiter)
  if (at !== 0) return undefined
  while (true) {
    const start = at + delimiter.length
    const ending = bytes.subarray(start, start + 2).toString('latin1')
    if (ending === '--') return parts
    if (ending !== '\r\n') return undefined
    at = bytes.indexOf(delimiter, start)
    if (at === -1) return undefined
    const part = parsePart(bytes.subarray(start + 2, at))
    if (part === undefined) return undefined
    parts.push(part)
  }
}

/** The text of a field that is no file; undefined when it is missing or a file. */
export function fieldOf(parts: readonly FormPart[], name: string): string | undefined {
  const part = parts.find(each => each.name === name && each.filename === undefined)
  return part?.bytes.toString('utf8')
}

/** The file of that name; undefined when it is missing or a plain field. */
export const fileOf = (parts: readonly FormPart[], name: string): FormPart | undefined =>
  parts.find(each => each.name === name && each.filename !== undefined)

/** The first name that stands twice, or is none of these. */
export function strangerIn(parts: readonly FormPart[], known: readonly string[]): string | undefined {
  const names = parts.map(part => part.name)
  return names.find((name, index) => !known.includes(name) || names.indexOf(name) < index)
}

function parsePart(bytes: Buffer): FormPart | undefined {
  const end = bytes.indexOf(BLANK_LINE)
  if (end === -1) return undefined
  const headers = new Map(
    bytes
      .subarray(0, end)
      .toString('utf8')
      .split('\r\n')
      .map(line => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
      }),
  )
  const [, name, filename] =
    /^form-data;\s*name="([^"]+)"(?:;\s*filename="([^"]*)")?/i.exec(
      headers.get('content-disposition') ?? '',
    ) ?? []
  if (name === undefined) return undefined
  const contentType = headers.get('content-type')
  return {
    name,
    ...(filename === undefined ? {} : { filename }),
    ...(contentType === undefined ? {} : { contentType }),
    bytes: bytes.subarray(end + BLANK_LINE.length),
  }
}
