// Chunks of files are written by hand: to the byte as the codec of all messages writes them, or not at all.
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { DownloadFileResponseSchema } from '#gen/exai/v1/files_service_pb'
import { lend } from '../../../../src/core/lent-bytes.ts'
import {
  fileChunkInPlace,
  fileChunkOf,
  writeFileChunk,
} from '../../../../src/doors/connect/own/file-chunk.ts'

type Answer = MessageInitShape<typeof DownloadFileResponseSchema>

const binaryOf = (answer: Answer): Buffer =>
  Buffer.from(toBinary(DownloadFileResponseSchema, create(DownloadFileResponseSchema, answer)))

describe.each([1, 127, 128, 16_383, 16_384, 65_536, 262_143, 262_144, 2_097_151, 2_097_152])(
  'a chunk of %i bytes',
  length => {
    test('is written as the codec writes it', () => {
      const answer = { chunk: Buffer.alloc(length, 'abcdefg') }
      const ready = fileChunkOf(answer)
      const binary = binaryOf(answer)
      expect(ready?.sizeBytes).toBe(binary.byteLength)
      // Each byte must be written, and no other one.
      const bytes = Buffer.alloc(binary.byteLength + 2, 0xaa)
      if (ready !== undefined) writeFileChunk(bytes, 1, ready)
      expect([bytes.at(0), bytes.at(-1)]).toEqual([0xaa, 0xaa])
      expect(bytes.subarray(1, -1).equals(binary)).toBe(true)
    })
  },
)

describe('a chunk', () => {
  test.each([65_536, 262_143, 262_144])('of %i bytes that is lent is written where it is', length => {
    const chunk = lend(length).fill(0x61)
    const answer = { chunk }
    const ready = fileChunkOf(answer)
    const bytes = ready && fileChunkInPlace(ready, 5)
    expect(bytes?.buffer).toBe(chunk.buffer)
    expect(bytes?.subarray(5).equals(binaryOf(answer))).toBe(true)
    expect(bytes?.byteLength).toBe(5 + binaryOf(answer).byteLength)
  })

  test('that is not lent has no place for what stands before it', () => {
    const ready = fileChunkOf({ chunk: Buffer.alloc(65_536) })
    expect(ready).toBeDefined()
    expect(ready && fileChunkInPlace(ready, 5)).toBeUndefined()
  })

  const strange = create(DownloadFileResponseSchema, { chunk: Buffer.from('a') })
  strange.$unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }]
  test.each<[string, Answer]>([
    ['that is empty', { chunk: new Uint8Array(0) }],
    ['that is not there', {}],
    ['beside the file', { file: { id: 'a' }, chunk: Buffer.from('a') }],
    ['beside fields of another version', strange],
  ])('%s is for the codec', (_name, answer) => {
    expect(fileChunkOf(answer)).toBeUndefined()
  })
})
