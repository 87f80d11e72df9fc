// Room at the end of a buffer that is written from its start on.

/** The buffer itself while so many bytes more fit behind the first `written`; else a larger one that begins with those. */
export function grownBuffer(
  buffer: Buffer<ArrayBuffer>,
  written: number,
  bytes: number,
): Buffer<ArrayBuffer> {
  const needed = written + bytes
  if (needed <= buffer.length) return buffer
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, needed))
  buffer.copy(larger, 0, 0, written)
  return larger
}
