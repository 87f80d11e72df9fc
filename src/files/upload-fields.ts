// What an uploader says of a file, checked against the contract.
import { GatewayError } from '../core/errors.ts'
import { millisecondsOf } from '../core/time.ts'

/** Limits of what an uploader says; each is part of the contract and named in its comments. */
export const FIELD_LIMITS = {
  filenameCharacters: 255,
  purposeCharacters: 64,
  metadataEntries: 16,
  metadataKeyCharacters: 64,
  metadataValueCharacters: 512,
} as const

/** The last millisecond that a Timestamp of protobuf can say: 9999-12-31T23:59:59.999Z. */
const TIME_MAX = 253_402_300_799_999

/** Seconds and nanoseconds, as the wire has times. */
interface Seconds {
  readonly seconds: bigint
  readonly nanos: number
}

/** What is said of a file before or with its bytes: the header of an upload, and the fields of a small file. */
export interface FileFields {
  readonly filename: string
  readonly mimeType: string
  readonly sizeBytes?: bigint | undefined
  readonly sha256: string
  readonly expiration:
    | { readonly case: 'expireTime'; readonly value: Seconds }
    | { readonly case: 'ttl'; readonly value: Seconds }
    | { readonly case: undefined; readonly value?: undefined }
  readonly metadata: Readonly<Record<string, string>>
  readonly purpose: string
}

/** The same, checked. */
export interface UploadPlan {
  readonly filename: string
  /** In lower case and without parameters; empty: to be read from the bytes. */
  readonly mimeType: string
  readonly sizeBytes: number | undefined
  /** In lower case; empty: not known. */
  readonly sha256: string
  readonly metadata: Readonly<Record<string, string>>
  readonly purpose: string
  /** When a file that is stored at a moment expires; undefined: never. Throws INVALID_REQUEST when that has passed. */
  readonly expiresAt: (storedAt: number) => number | undefined
  /** The plan as it is once all bytes are here, for uploaders that say some of it behind them. Absent: it stays. */
  readonly amended?: (() => UploadPlan) | undefined
}

/** Checks what is said of a file. Throws INVALID_REQUEST naming the field, behind the given path such as `header.`. */
export function planUpload(
  fields: FileFields,
  { now, path, ttlMs }: { readonly now: number; readonly path: string; readonly ttlMs: number | undefined },
): UploadPlan {
  const refuse = (field: string, problem: string): never => {
    throw new GatewayError(
      'INVALID_REQUEST',
      `${path}${field}${problem.startsWith('[') ? '' : ' '}${problem}`,
    )
  }
  const check = (field: string, problem: string | undefined): void => {
    if (problem !== undefined) refuse(field, problem)
  }
  check('filename', filenameProblem(fields.filename))
  check('mime_type', mimeTypeProblem(fields.mimeType))
  check('sha256', hashProblem(fields.sha256))
  check('metadata', labelsProblem(fields.metadata))
  check('purpose', textProblem(fields.purpose, FIELD_LIMITS.purposeCharacters))
  const { sizeBytes } = fields
  if (sizeBytes !== undefined && sizeBytes < 1n)
    refuse('size_bytes', 'must be at least 1: a file without bytes is none')
  const expiresAt = (storedAt: number): number | undefined => {
    const at = expiryOf(fields.expiration, storedAt, ttlMs)
    if (at === undefined || (at > storedAt && at <= TIME_MAX)) return at
    const isTtl = fields.expiration.case === 'ttl'
    const wanted = isTtl ? 'must be above zero' : 'must be in the future'
    return refuse(isTtl ? 'ttl' : 'expire_time', at > TIME_MAX ? 'must end before the year 10000' : wanted)
  }
  expiresAt(now)
  return {
    filename: fields.filename,
    mimeType: essenceOf(fields.mimeType),
    sizeBytes: sizeBytes === undefined ? undefined : Number(sizeBytes),
    sha256: fields.sha256.toLowerCase(),
    metadata: fields.metadata,
    purpose: fields.purpose,
    expiresAt,
  }
}

/** A MIME type in lower case, without parameters. */
export function essenceOf(mimeType: string): string {
  return mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** What is wrong with a SHA-256; an empty one is none, and good. */
export function hashProblem(sha256: string): string | undefined {
  return sha256 === '' || /^[0-9a-f]{64}$/i.test(sha256) ? undefined : 'must be 64 hexadecimal digits'
}

/** What is wrong with labels. */
export function labelsProblem(labels: Readonly<Record<string, string>>): string | undefined {
  const { metadataEntries, metadataKeyCharacters, metadataValueCharacters } = FIELD_LIMITS
  const entries = Object.entries(labels)
  if (entries.length > metadataEntries)
    return `takes at most ${metadataEntries} labels, and has ${entries.length}`
  for (const [key, value] of entries) {
    if (key === '') return 'has a label without a key'
    const problem = textProblem(key, metadataKeyCharacters)
    if (problem !== undefined) return `has a key that ${problem}`
    const tooLong = textProblem(value, metadataValueCharacters)
    if (tooLong !== undefined) return `[${JSON.stringify(key)}] ${tooLong}`
  }
  return undefined
}

/** What is wrong with a text of at most so many Unicode characters; U+0000 is what PostgreSQL cannot keep. */
export function textProblem(text: string, most: number): string | undefined {
  // No text has more characters than code units, and the counting of a long one is spared.
  if (text.includes('\0')) return 'must not hold U+0000'
  if (text.length <= most) return undefined
  const count = text.length > 4 * most ? text.length : [...text].length
  return count > most ? `takes at most ${most} characters, and has ${count}` : undefined
}

function filenameProblem(filename: string): string | undefined {
  if (filename === '') return 'is required'
  if (filename === '.' || filename === '..') return 'must be a name, and not a folder such as . or ..'
  if (/[/\\]/.test(filename)) return 'must be a name without a path: it has / or \\ in it'
  if (/\p{Cc}/u.test(filename)) return 'must have no control characters'
  return textProblem(filename, FIELD_LIMITS.filenameCharacters)
}

function mimeTypeProblem(mimeType: string): string | undefined {
  // The characters of RFC 6838, section 4.2, which also sets the lengths.
  const type = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/
  return mimeType === '' || (mimeType.length <= 512 && type.test(essenceOf(mimeType)))
    ? undefined
    : 'must be a MIME type such as text/plain'
}

function expiryOf(
  given: FileFields['expiration'],
  storedAt: number,
  ttlMs: number | undefined,
): number | undefined {
  switch (given.case) {
    case 'expireTime':
      return Math.trunc(millisecondsOf(given.value))
    case 'ttl':
      return storedAt + Math.trunc(millisecondsOf(given.value))
    case undefined:
      return ttlMs === undefined ? undefined : storedAt + ttlMs
    default:
      return given satisfies never
  }
}
