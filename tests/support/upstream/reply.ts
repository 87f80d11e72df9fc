// The bytes of an answer and what befalls them on the way: a list of pieces that faults cut, stretch and fill.

/** One step of a body. Only `event` and `bytes` and `flood` carry bytes. */
export type Piece =
  | { readonly kind: 'event'; readonly bytes: Buffer }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** This many bytes of one endless line, made as they are sent. */
  | { readonly kind: 'flood'; readonly sizeBytes: number }
  | { readonly kind: 'wait'; readonly ms: number }
  /** The same bytes again and again, until the peer goes. */
  | { readonly kind: 'repeat'; readonly bytes: Buffer; readonly everyMs: number }
  /** Nothing more, until the peer goes. */
  | { readonly kind: 'silence' }
  /** TCP reset. */
  | { readonly kind: 'reset' }
  /** TCP FIN in the middle of the HTTP body. */
  | { readonly kind: 'fin' }

/** An answer as it will be sent. */
export type Reply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: readonly Piece[]
  /**
   * Makes the frame of an error in the middle of the stream from the error answer's JSON text and the number of events
   * before it; undefined: the JSON as a `data:` line.
   */
  readonly errorFrame?: (errorJson: string, eventsBefore: number) => string
  /** What comes before the status line; undefined: nothing. */
  readonly before?: Extract<Piece, { readonly kind: 'wait' | 'silence' | 'reset' | 'fin' }>
}

/** Makes a JSON reply. */
export function jsonReply(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const bytes = Buffer.from(JSON.stringify(body))
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: [{ kind: 'bytes', bytes }],
  }
}

/** Makes an event stream of whole frames (each with its blank line). */
export function eventReply(frames: readonly string[], headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', ...headers },
    body: frames.map(frame => ({ kind: 'event', bytes: Buffer.from(frame) })),
  }
}

/** Whether a reply is sent in chunks of unknown total length, as event streams are. */
export const isStream = (reply: Reply): boolean =>
  reply.headers['content-type']?.startsWith('text/event-stream') === true

/** Number of bytes of a piece. */
export function sizeOf(piece: Piece): number {
  if (piece.kind === 'flood') return piece.sizeBytes
  return piece.kind === 'event' || piece.kind === 'bytes' ? piece.bytes.length : 0
}

/** Number of bytes of a body. */
export const bodySize = (body: readonly Piece[]): number =>
  body.reduce((sum, piece) => sum + sizeOf(piece), 0)

/** All bytes of a body as one buffer; floods are left out. */
export const bodyBytes = (body: readonly Piece[]): Buffer =>
  Buffer.concat(
    body.flatMap(piece => (piece.kind === 'event' || piece.kind === 'bytes' ? [piece.bytes] : [])),
  )

/** Splits a body at a byte offset; an offset at or behind the end leaves the second part empty. */
export function splitAtByte(
  body: readonly Piece[],
  offset: number,
): readonly [readonly Piece[], readonly Piece[]] {
  let left = offset
  for (const [index, piece] of body.entries()) {
    const size = sizeOf(piece)
    if (left < size && (piece.kind === 'event' || piece.kind === 'bytes')) {
      const head = piece.bytes.subarray(0, left)
      const tail = piece.bytes.subarray(left)
      const before: readonly Piece[] = head.length === 0 ? [] : [{ kind: 'bytes', bytes: head }]
      return [
        [...body.slice(0, index), ...before],
        [{ kind: 'bytes', bytes: tail }, ...body.slice(index + 1)],
      ]
    }
    left -= size
  }
  return [body, []]
}

/** Splits a body behind its n-th event; fewer events than that leave the second part empty. */
export function splitAtEvent(
  body: readonly Piece[],
  count: number,
): readonly [readonly Piece[], readonly Piece[]] {
  let seen = 0
  for (const [index, piece] of body.entries()) {
    if (piece.kind !== 'event') continue
    if (seen === count) return [body.slice(0, index), body.slice(index)]
    seen += 1
  }
  return [body, []]
}
