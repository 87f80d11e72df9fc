// What a PDF may not do: take more than its share of memory or time, run anything, ask anybody, or end the service.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import type { PdfLimits } from '../../../src/files/pdf-protocol.ts'
import { createPdfText, PDF_LIMITS, spawnPdfWorker } from '../../../src/files/pdf-text.ts'
import { bombPage, FIRST_EXTRA, page, pdf, pdfChunks, streamObject } from '../../support/pdf.ts'
import { keepingLog } from '../../support/store-rig.ts'

const never = new AbortController().signal
const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

/** A reader with other limits, and every thread that it made. */
function rig(limits: Partial<PdfLimits> = {}) {
  const log = keepingLog()
  const threads: Worker[] = []
  const extract = createPdfText({
    log,
    limits: { ...PDF_LIMITS, ...limits },
    spawn(pageLimits) {
      const thread = spawnPdfWorker(pageLimits)
      threads.push(thread)
      return thread
    },
  })
  opened.push(extract)
  return {
    extract,
    threads,
    textOf: (bytes: Uint8Array, signal = never) => extract.text(pdfChunks(bytes), 'application/pdf', signal),
    why: () => log.lines.map(({ fields }) => fields?.['why']),
  }
}

const hello = pdf([page('hello')])
/** Forms that show each other ten times each, `depth` deep. */
function laughs(depth: number): Uint8Array {
  const tens = Array.from({ length: 10 }, () => '/X Do').join(' ')
  const forms = Array.from({ length: depth }, (_, index) =>
    streamObject(
      index === depth - 1 ? 'BT /F1 12 Tf 72 700 Td (ha) Tj ET' : tens,
      undefined,
      `/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << /X ${FIRST_EXTRA + index + 1} 0 R >> >>`,
    ),
  )
  return pdf([{ content: '/X Do' }], {
    extra: forms,
    resources: `/XObject << /X ${FIRST_EXTRA} 0 R >>`,
  })
}

test('the limits are those that are documented', () => {
  expect(PDF_LIMITS).toEqual({
    fileBytesMax: 67_108_864,
    pagesMax: 2_000,
    textBytesMax: 8_388_608,
    timeMs: 30_000,
    memoryBytesMax: 536_870_912,
    idleMs: 60_000,
  })
})

describe('a file has no text', () => {
  test('when it is larger than may be, and no thread sees it', async () => {
    const over = rig({ fileBytesMax: hello.byteLength - 1 })
    expect(await over.textOf(hello)).toBeUndefined()
    expect([over.threads.length, over.why()]).toEqual([0, ['too large']])
    expect(await rig({ fileBytesMax: hello.byteLength }).textOf(hello)).toBe('hello')
  })

  test('when it has more pages than may be', async () => {
    const { textOf, why } = rig({ pagesMax: 2 })
    expect(await textOf(pdf([page('1'), page('2')]))).toBe('1\n\n2')
    expect(await textOf(pdf([page('1'), page('2'), page('3')]))).toBeUndefined()
    expect(why()).toEqual(['too many pages'])
  })

  test('when its text has more bytes than may be, on one page or on all together', async () => {
    const { textOf, why } = rig({ textBytesMax: 14 })
    expect(await textOf(pdf([page('123456'), page('123456')]))).toBe('123456\n\n123456')
    expect(await textOf(pdf([page('123456'), page('1234567890')]))).toBeUndefined()
    // Eight characters, sixteen bytes.
    expect(await textOf(pdf([page('\xe4'.repeat(8))]))).toBeUndefined()
    expect(why()).toEqual(['too much text', 'too much text'])
  })

  test('when it opens with a password only', async () => {
    const { textOf, why } = rig()
    expect(await textOf(pdf([page('secret')], { userPassword: 'sesame' }))).toBeUndefined()
    expect(why()).toEqual(['encrypted'])
  })

  test('when it is damaged, empty, or cut off, and the next file is read', async () => {
    const { textOf, why } = rig()
    const damaged = ['', '%PDF-1.7', '%PDF-1.7\nnothing\n%%EOF', '%PDF-1.7\n1 0 obj\n<< /Type'].map(text =>
      Buffer.from(text),
    )
    damaged.push(Buffer.from(hello.subarray(0, hello.byteLength / 2)))
    for (const bytes of damaged) expect(await textOf(bytes)).toBeUndefined()
    expect(why()).toEqual(damaged.map(() => 'damaged'))
    expect(await textOf(hello)).toBe('hello')
  })
})

describe('a hostile file ends its thread, and the next file has another one', () => {
  test('when four kilobytes of it inflate to two gigabytes', async () => {
    const { textOf, why, threads } = rig({ memoryBytesMax: 160 * 1024 * 1024 })
    const bomb = pdf([bombPage(128)])
    expect(bomb.byteLength).toBeLessThan(8_192)
    const before = process.memoryUsage.rss()
    expect(await textOf(bomb)).toBeUndefined()
    expect(process.memoryUsage.rss() - before).toBeLessThan(600 * 1024 * 1024)
    expect(await textOf(hello)).toBe('hello')
    expect([why(), threads.length]).toEqual([['too much memory'], 2])
  })

  test('when it would take for ever', async () => {
    const { textOf, why, threads } = rig({ timeMs: 3_000 })
    expect(await textOf(laughs(14))).toBeUndefined()
    expect(await textOf(hello)).toBe('hello')
    expect([why(), threads.length]).toEqual([['too slow'], 2])
  })

  test('when its text grows without an end', async () => {
    const { textOf, why } = rig({ textBytesMax: 100 })
    expect(await textOf(laughs(6))).toBeUndefined()
    expect(why()).toEqual(['too much text'])
  })

  test('when it shows itself', async () => {
    const form = streamObject(
      '/X Do',
      undefined,
      `/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X ${FIRST_EXTRA} 0 R >> >>`,
    )
    const resources = `/XObject << /X ${FIRST_EXTRA} 0 R >>`
    const { textOf } = rig({ timeMs: 3_000 })
    expect(['', undefined]).toContain(await textOf(pdf([{ content: '/X Do' }], { extra: [form], resources })))
    expect(await textOf(hello)).toBe('hello')
  })
})

test.each([
  ['a growing array', 'const a = []; for (let i = 0; ; i += 1) a.push(i + 0.5)'],
  ['growing objects', 'const a = []; for (;;) a.push({ a })'],
  ['growing bytes', 'const a = []; for (;;) a.push(new Uint8Array(1048576).fill(1))'],
])('%s in the thread ends the thread, and not the service', async (_, code) => {
  const log = keepingLog()
  const extract = createPdfText({
    log,
    limits: { ...PDF_LIMITS, memoryBytesMax: 200 * 1024 * 1024 },
    spawn: () => eaterOf(code),
  })
  opened.push(extract)
  expect(await extract.text(pdfChunks(hello), 'application/pdf', never)).toBeUndefined()
  expect(log.lines.map(({ fields }) => fields?.['why'])).toEqual(['too much memory'])
})

test('a thread that dies is told of without a word of the file, and the next file has another one', async () => {
  const log = keepingLog()
  let threads = 0
  const extract = createPdfText({
    log,
    spawn(pageLimits) {
      threads += 1
      return threads > 1 ? spawnPdfWorker(pageLimits) : eaterOf("throw new TypeError('words of the file')")
    },
  })
  opened.push(extract)
  const read = () => extract.text(pdfChunks(hello), 'application/pdf', never)
  expect([await read(), await read()]).toEqual([undefined, 'hello'])
  expect(log.lines.map(({ fields }) => fields)).toEqual([
    { error: 'TypeError', code: undefined },
    { why: 'died' },
  ])
})

/** A thread with the limits of the real one that runs wild at the first file. */
function eaterOf(code: string): Worker {
  const real = spawnPdfWorker(PDF_LIMITS)
  const { resourceLimits = {} } = real
  void real.terminate()
  const source = `require('node:worker_threads').parentPort.on('message', () => { ${code} })`
  return new Worker(source, { eval: true, resourceLimits })
}

describe('the thread', () => {
  test('is made for the first file, kept for the next, ended when it is idle, and made again', async () => {
    const { textOf, threads } = rig({ idleMs: 1_000 })
    expect(threads).toHaveLength(0)
    await textOf(hello)
    await textOf(hello)
    expect(threads).toHaveLength(1)
    const [first] = threads
    if (first !== undefined && first.threadId !== -1) await once(first, 'exit')
    expect(await textOf(hello)).toBe('hello')
    expect(threads).toHaveLength(2)
  })

  test('reads files that come together one after the other', async () => {
    const { textOf, threads } = rig()
    const files = ['a', 'b', 'c'].map(word => pdf([page(word)]))
    expect(await Promise.all(files.map(bytes => textOf(bytes)))).toEqual(['a', 'b', 'c'])
    expect(threads).toHaveLength(1)
  })

  test('is ended when the reading is given up, which rejects with its reason', async () => {
    const { textOf, threads } = rig()
    const giveUp = new AbortController()
    const reading = textOf(laughs(14), giveUp.signal)
    await expect.poll(() => threads.length).toBe(1)
    giveUp.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    expect(threads[0]?.threadId).toBe(-1)
    expect(await textOf(hello)).toBe('hello')
  })

  test('is ended by closing', async () => {
    const { extract, textOf, threads } = rig()
    await textOf(hello)
    await extract.close()
    expect(threads.map(({ threadId }) => threadId)).toEqual([-1])
  })
})

test('nothing of a file is run, and nobody is asked for what it names', async () => {
  let asked = 0
  const server = createServer(socket => {
    asked += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/x`
  const script = `/S /JavaScript /JS (app.launchURL\\('${url}'\\); while \\(true\\) {})`
  const font = `<< /Type /Font /Subtype /TrueType /BaseFont /Elsewhere /FontDescriptor << /Type /FontDescriptor /FontName /Elsewhere /Flags 32 /FontFile2 ${FIRST_EXTRA} 0 R >> >>`
  const outside = `<< /Length 0 /FFilter /FlateDecode /F << /FS /URL /F (${url}) >> >>\nstream\n\nendstream`
  const bytes = pdf([{ content: 'BT /F2 12 Tf 72 700 Td (read) Tj ET' }], {
    extra: [outside],
    fonts: { F2: font },
    catalog: `/OpenAction << ${script} >> /AA << /WC << ${script} >> >> /Names << /JavaScript << /Names [(a) << ${script} >>] >> >> /URI << /Base (${url}) >>`,
  })
  const { textOf } = rig({ timeMs: 5_000 })
  expect(await textOf(bytes)).toBe('read')
  server.close()
  expect(asked).toBe(0)
})
