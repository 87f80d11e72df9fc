// How long requests and answers are without their compression: told from what passes anyway, so that nothing is unpacked for it.

/** Tells how long a piece of a body would be if it were not compressed, in bytes. */
export type PlainSize = (piece: Uint8Array) => number

const PREFIX_BYTES = 5
const COMPRESSED = 1

/** For the body of an answer with these header fields, whose pieces are whole messages. Gzip is all that is offered. */
export function answerSizes(header: Headers): PlainSize {
  const type = header.get('content-type') ?? ''
  if (type.startsWith('application/grpc') || type.startsWith('application/connect+')) return enveloped
  return header.get('content-encoding') === null ? lengthOf : unpackedLength
}

/** Bytes of a message that stands in the address, as Connect's GET has it; 0 without one. */
export function addressedBytes(query: URLSearchParams): number {
  const message = query.get('message') ?? ''
  return Buffer.byteLength(message, query.get('base64') === '1' ? 'base64url' : 'utf8')
}

function enveloped(piece: Uint8Array): number {
  return ((piece[0] ?? 0) & COMPRESSED) === 0 ? piece.byteLength : PREFIX_BYTES + unpackedLength(piece)
}

function lengthOf(piece: Uint8Array): number {
  return piece.byteLength
}

/** The last four bytes of what gzip made are the length of what it was made of (RFC 1952, 2.3.1). */
function unpackedLength({ buffer, byteOffset, byteLength }: Uint8Array): number {
  return byteLength < 4 ? byteLength : new DataView(buffer, byteOffset + byteLength - 4).getUint32(0, true)
}
