// PDF files written by hand from ISO 32000-1: objects, cross-reference table, fonts with and without their Unicode, and bombs.
import { deflateSync } from 'node:zlib'
import { encryptionOf } from './pdf-encryption.ts'

/** A page: its content stream as it is, or with what inflates to it. */
export interface PdfPage {
  readonly content: string | Uint8Array
  /** The filters that take the content apart, outermost first; by default it is deflated here. */
  readonly filters?: readonly string[]
}

/** What is in a file beside its pages. */
export interface PdfParts {
  /** Entries of the font dictionary by their names; `F1` is Helvetica with WinAnsiEncoding anyway. */
  readonly fonts?: Readonly<Record<string, string>>
  /** More objects; the first has the number `FIRST_EXTRA`. */
  readonly extra?: readonly (string | Uint8Array)[]
  /** More entries of the catalogue, of the resources, and of the trailer. */
  readonly catalog?: string
  readonly resources?: string
  /** Encrypts the content streams; the empty password opens the file for everybody. */
  readonly userPassword?: string
}

/** The object numbers of the catalogue, the page tree and the resources are 1 to 3. */
export const FIRST_EXTRA = 4

/** A file with a cross-reference table in which every offset is right. */
export function pdf(pages: readonly PdfPage[], parts: PdfParts = {}): Uint8Array {
  const { fonts = {}, extra = [], catalog = '', resources = '', userPassword } = parts
  const firstPage = FIRST_EXTRA + extra.length
  const encryption = userPassword === undefined ? undefined : encryptionOf(userPassword)
  const names = Object.entries(fonts).map(([name, font]) => `/${name} ${font}`)
  const kids = pages.map((_, index) => `${firstPage + 2 * index} 0 R`)
  const objects = [
    `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
    `<< /Type /Pages /Count ${pages.length} /Kids [${kids.join(' ')}] >>`,
    `<< /Font << /F1 ${HELVETICA} ${names.join(' ')} >> ${resources} >>`,
    ...extra,
    ...pages.flatMap(({ content, filters }, index) => {
      const number = firstPage + 2 * index + 1
      const page = `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources 3 0 R /Contents ${number} 0 R >>`
      const seal = (bytes: Uint8Array) => encryption?.seal(bytes, number) ?? bytes
      return [page, streamObject(content, filters, '', seal)]
    }),
  ]
  const trailer = encryption === undefined ? '' : `/Encrypt ${encryption.dictionary} /ID ${encryption.id}`
  return assemble(objects, trailer)
}

/** A stream as an object. */
export function streamObject(
  content: string | Uint8Array,
  filters?: readonly string[],
  entries = '',
  seal: (bytes: Uint8Array) => Uint8Array = bytes => bytes,
): Uint8Array {
  const raw = latin1(content)
  const bytes = seal(filters === undefined ? deflateSync(raw) : raw)
  const filter = (filters ?? ['FlateDecode']).map(name => `/${name}`).join(' ')
  const head = `<< /Length ${bytes.byteLength} /Filter [${filter}] ${entries} >>\nstream\n`
  return Buffer.concat([latin1(head), bytes, latin1('\nendstream')])
}

/** A page with lines of text below each other, in WinAnsiEncoding (its characters above 0x9f are those of Latin-1). */
export function page(...lines: readonly string[]): PdfPage {
  const shown = lines.map(line => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`)
  return { content: `BT /F1 12 Tf 14 TL 72 720 Td ${shown.join(' ')} ET` }
}

/** A font with two-byte codes of its own, from 1 on, and the table that says which characters they are. */
export interface CodedFont {
  /** Its objects, to be among `extra` from `number` on. */
  readonly objects: readonly (string | Uint8Array)[]
  readonly reference: string
  /** Codes for these entries, as a string in hexadecimal digits. */
  codes(...entries: readonly string[]): string
}

/** Makes a font whose glyphs stand for these entries, each one character or several (a ligature). */
export function codedFont(number: number, entries: readonly string[]): CodedFont {
  const code = (index: number) => hex([0, index + 1])
  const rows = entries.map(
    (entry, index) => `<${code(index)}> <${hex(Buffer.from(entry, 'utf16le').swap16())}>`,
  )
  const table = [
    '/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Own def /CMapType 2 def',
    '1 begincodespacerange <0000> <ffff> endcodespacerange',
    `${rows.length} beginbfchar`,
    ...rows,
    'endbfchar endcmap end end',
  ]
  return {
    objects: [
      `<< /Type /Font /Subtype /Type0 /BaseFont /Own /Encoding /Identity-H /ToUnicode ${number + 2} 0 R /DescendantFonts [${number + 1} 0 R] >>`,
      '<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Own /DW 1000 /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>',
      streamObject(table.join('\n')),
    ],
    reference: `${number} 0 R`,
    codes: (...shown) => `<${shown.map(entry => code(entries.indexOf(entry))).join('')}>`,
  }
}

/** Content that shows coded text, each piece at its place. */
export function shown(
  font: string,
  pieces: readonly { readonly at: string; readonly codes: string }[],
): PdfPage {
  return {
    content: pieces.map(({ at, codes }) => `BT /${font} 12 Tf ${at} Td ${codes} Tj ET`).join('\n'),
  }
}

/** A page that inflates twice, from some kilobytes to zeros of so many times 16 MiB. */
export function bombPage(times: number): PdfPage {
  // A deflated block that ends on a byte can be repeated: see RFC 1951, 3.2.4. The checksum is that of zeros: see RFC 1950, 9.
  const block = 16 * 1024 * 1024
  const once = deflateSync(new Uint8Array(block), { finishFlush: 3 })
  const body = once.subarray(2)
  const checksum = new Uint8Array(4)
  new DataView(checksum.buffer).setUint32(0, (((block * times) % 65_521) * 65_536 + 1) >>> 0)
  const inner = Buffer.concat([
    once.subarray(0, 2),
    ...Array.from({ length: times }, () => body),
    Buffer.from([0x03, 0x00]),
    checksum,
  ])
  return { content: deflateSync(inner), filters: ['FlateDecode', 'FlateDecode'] }
}

const HELVETICA = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>'

function assemble(objects: readonly (string | Uint8Array)[], trailer: string): Uint8Array {
  const parts: Uint8Array[] = [latin1('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n')]
  const offsets: number[] = []
  let at = parts[0]?.byteLength ?? 0
  objects.forEach((object, index) => {
    offsets.push(at)
    const bytes = Buffer.concat([latin1(`${index + 1} 0 obj\n`), latin1(object), latin1('\nendobj\n')])
    at += bytes.byteLength
    parts.push(bytes)
  })
  const rows = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`)
  const size = objects.length + 1
  parts.push(
    latin1(
      `xref\n0 ${size}\n0000000000 65535 f \n${rows.join('')}trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${at}\n%%EOF\n`,
    ),
  )
  return Buffer.concat(parts)
}

function latin1(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text
}

function hex(bytes: Iterable<number>): string {
  return Buffer.from([...bytes]).toString('hex')
}

/** A file as it comes from the disk. */
export async function* pdfChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 262_144) yield bytes.subarray(at, at + 262_144)
}
