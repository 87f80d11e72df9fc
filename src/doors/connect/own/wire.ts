// What stands before the fields of a message in protobuf (https://protobuf.dev/programming-guides/encoding/).

/** The wire type of texts, bytes and messages. */
export const LENGTH_DELIMITED = 2

/** The tag of a field; one byte long up to field 15. */
export function tagOf(number: number, wireType: number): number {
  return (number << 3) | wireType
}

/** How many bytes a number takes, from 0 to 2^32 - 1. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}

/** Writes such a number, and says where it ends. */
export function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** Whether there are fields of another version of the contract, which are passed on. */
export function hasUnknown(message: object): boolean {
  return '$unknown' in message && message.$unknown !== undefined
}
