// What `exai chat` reads and writes: input that is no text is refused, and output that nobody takes is noticed.
import { PassThrough, Readable, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createOutput, inputOf } from '../../../src/cli/chat-host.ts'

test('input is read to its end, across characters that are cut in two', async () => {
  const bytes = Buffer.from('é東京\n')
  expect(await inputOf(Readable.from([bytes.subarray(0, 1), bytes.subarray(1, 4), bytes.subarray(4)]))).toBe(
    'é東京\n',
  )
})

test('input that is no text, too long or not to be read is refused with a way out', async () => {
  await expect(inputOf(Readable.from([Buffer.from([0xff, 0xfe, 0])]))).rejects.toThrow('--file')
  const piece = Buffer.alloc(16 * 1024 * 1024, 'a')
  await expect(inputOf(Readable.from(Array.from({ length: 5 }, () => piece)))).rejects.toThrow('--file')
  const broken = new PassThrough()
  broken.destroy(new Error('EIO: i/o error, read'))
  await expect(inputOf(broken)).rejects.toThrow('standard input cannot be read: EIO: i/o error, read')
})

test('output that fails once has failed, and breaks nothing', async () => {
  const taken: string[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      taken.push(String(chunk))
      done(taken.length > 1 ? Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) : null)
    },
  })
  const output = createOutput(stream)
  expect([await output.write('a'), output.failure()]).toEqual([true, undefined])
  expect(await output.write('b')).toBe(false)
  expect(await output.write('c')).toBe(false)
  expect([taken, output.failure()?.code]).toEqual([['a', 'b'], 'EPIPE'])
})
