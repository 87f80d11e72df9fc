// What the first bytes of a file say of its type, and whether they contradict what was claimed.
import { encodingOf, isTextType } from '../core/text-file.ts'

/** How many of the first bytes are looked at: `%PDF-` may stand behind 1,019 others (ISO 32000-1, annex H.3.4.1). */
export const SNIFF_BYTES = 1024

/** The type of bytes that tell nothing. */
export const UNKNOWN_TYPE = 'application/octet-stream'

/** What begins a file of a type. */
interface Signature {
  readonly type: string
  /** What stands where; all of it must. */
  readonly marks: readonly { readonly at: number; readonly bytes: string }[]
  /** Other types that the same beginning may be; the part behind `/` may be `*`. */
  readonly also?: readonly string[]
  /** Whether a text may begin so by chance: then it contradicts no claim. */
  readonly isWeak?: true
}

const start = (bytes: string) => [{ at: 0, bytes }]
const riff = (kind: string) => [
  { at: 0, bytes: 'RIFF' },
  { at: 8, bytes: kind },
]
const brand = (kind: string) => [{ at: 4, bytes: `ftyp${kind}` }]

/** Beginnings by the specifications of the formats, as in https://www.iana.org/assignments/media-types and https://mimesniff.spec.whatwg.org. */
const SIGNATURES: readonly Signature[] = [
  { type: 'image/png', marks: start('\x89PNG\r\n\x1a\n'), also: ['image/apng', 'image/vnd.mozilla.apng'] },
  { type: 'image/jpeg', marks: start('\xff\xd8\xff'), also: ['image/jpg', 'image/pjpeg'] },
  { type: 'image/gif', marks: start('GIF87a') },
  { type: 'image/gif', marks: start('GIF89a') },
  { type: 'image/webp', marks: riff('WEBP') },
  { type: 'image/tiff', marks: start('II*\0') },
  { type: 'image/tiff', marks: start('MM\0*') },
  { type: 'image/avif', marks: brand('avif') },
  { type: 'image/heic', marks: brand('heic'), also: ['image/heif'] },
  { type: 'image/heif', marks: brand('mif1'), also: ['image/heic', 'image/avif'] },
  { type: 'application/pdf', marks: start('%PDF-'), also: ['application/x-pdf', 'application/illustrator'] },
  // Office documents, books, packages of code and much else are ZIP inside.
  { type: 'application/zip', marks: start('PK\x03\x04'), also: ['application/*', 'model/*'] },
  { type: 'application/zip', marks: start('PK\x05\x06'), also: ['application/*'] },
  { type: 'application/gzip', marks: start('\x1f\x8b\x08'), also: ['application/*', 'image/svg+xml'] },
  { type: 'application/x-7z-compressed', marks: start('7z\xbc\xaf\x27\x1c') },
  { type: 'application/vnd.rar', marks: start('Rar!\x1a\x07'), also: ['application/*'] },
  // Old office documents and mail.
  {
    type: 'application/x-ole-storage',
    marks: start('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'),
    also: ['application/*'],
  },
  { type: 'video/quicktime', marks: brand('qt  '), also: ['video/mp4'] },
  { type: 'audio/mp4', marks: brand('M4A '), also: ['audio/*', 'video/mp4'] },
  { type: 'video/mp4', marks: brand(''), also: ['video/*', 'audio/*', 'image/*', 'application/mp4'] },
  { type: 'video/webm', marks: start('\x1aE\xdf\xa3'), also: ['video/*', 'audio/*'] },
  { type: 'video/x-msvideo', marks: riff('AVI '), also: ['video/avi', 'video/msvideo', 'video/vnd.avi'] },
  { type: 'audio/wav', marks: riff('WAVE'), also: ['audio/*'] },
  { type: 'audio/ogg', marks: start('OggS\0'), also: ['audio/*', 'video/ogg', 'application/ogg'] },
  { type: 'audio/flac', marks: start('fLaC\0'), also: ['audio/*'] },
  { type: 'application/x-elf', marks: start('\x7fELF'), also: ['application/*'] },
  { type: 'audio/mpeg', marks: start('ID3'), isWeak: true },
  { type: 'audio/mpeg', marks: start('\xff\xfb'), isWeak: true },
  { type: 'image/bmp', marks: start('BM'), isWeak: true },
]

/** Types whose files always begin with a signature of theirs, in the spelling of the table. */
const ALWAYS_SIGNED: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/jpg',
  'image/gif',
  'image/webp',
  'application/pdf',
  'application/zip',
  'application/gzip',
])

/** The type of a file by its first bytes, where nothing is claimed. */
export function sniffType(head: Uint8Array): string {
  const text = latin1(head)
  const found = SIGNATURES.find(signature => !signature.isWeak && begins(text, signature))
  if (found !== undefined) return found.type
  if (looksLikeText(head)) return 'text/plain'
  return SIGNATURES.find(signature => begins(text, signature))?.type ?? UNKNOWN_TYPE
}

/**
 * What the first bytes are instead of the claimed type, in words; undefined when they don't contradict it. The claim is in
 * lower case and without parameters.
 */
export function contradiction(head: Uint8Array, claimed: string): string | undefined {
  if (claimed === UNKNOWN_TYPE) return undefined
  const text = latin1(head)
  // What stands before it are remains of a mail or a server, and readers of PDF take it.
  if (claimed === 'application/pdf' && text.includes('%PDF-')) return undefined
  const found = SIGNATURES.filter(signature => !signature.isWeak && begins(text, signature))
  const isSigned = found.some(signature => signature.type === claimed || alias(signature, claimed))
  const [first] = found
  if (ALWAYS_SIGNED.has(claimed))
    return isSigned ? undefined : `${first?.type ?? 'not that type'} by its first bytes`
  if (first !== undefined && !found.some(signature => allows(signature, claimed)))
    return `${first.type} by its first bytes`
  if (isTextType(claimed) && encodingOf(head) === 'utf-8' && head.includes(0))
    return 'no text: a zero byte is among its first bytes'
  return undefined
}

function alias({ also = [] }: Signature, claimed: string): boolean {
  return also.includes(claimed)
}

function allows({ type, also = [] }: Signature, claimed: string): boolean {
  return (
    type === claimed ||
    also.some(one => (one.endsWith('*') ? claimed.startsWith(one.slice(0, -1)) : one === claimed))
  )
}

function begins(text: string, { marks }: Signature): boolean {
  return marks.every(({ at, bytes }) => text.startsWith(bytes, at))
}

function looksLikeText(head: Uint8Array): boolean {
  try {
    // As a stream: a head may end within a character, which is no fault of the text.
    const text = new TextDecoder(encodingOf(head), { fatal: true }).decode(head, { stream: true })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those that no text has are what is looked for
    return !/[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text)
  } catch {
    // A TypeError, and the only thing that a fatal decoder throws.
    return false
  }
}

/** One character for each byte. */
function latin1(head: Uint8Array): string {
  return Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
}
