// A form streams its file through in constant memory, keeps the fields around it, and says what is wrong with a bad one.
import { execFile as execFileCallback } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpDoor } from '../../../../src/doors/http/door.ts'
import type { HttpCall, HttpReply, Route } from '../../../../src/doors/http/route.ts'
import { type Running, startDoors } from './rig.ts'

const execFile = promisify(execFileCallback)
setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')
/** Takes what nobody holds out of the count, at once. */
const collect = (): void => {
  gc()
  // What one collection found is freed beside the program, and for certain only before the next.
  gc()
}

let server: Running
let url: string
let resident = 0

const read = async (call: HttpCall): Promise<HttpReply> => {
  const { field, filename, mimeType, bytes, fields } = await call.form()
  const before = [...fields.keys()]
  let sizeBytes = 0
  for await (const chunk of bytes) {
    sizeBytes += chunk.byteLength
    if (sizeBytes % (16 * 1024 * 1024) < chunk.byteLength) {
      // A reader that is slower than the sender.
      await pause(2)
      collect()
      resident = Math.max(resident, process.memoryUsage().arrayBuffers)
    }
  }
  return { type: 'json', value: { field, filename, mimeType, sizeBytes, before, after: [...fields] } }
}

const routes: readonly Route[] = [
  { verb: 'POST', path: '/read', rpc: 'a/b', maxRequestBytes: 1024 ** 3, handle: read },
  {
    verb: 'POST',
    path: '/first',
    rpc: 'a/b',
    handle: async call => {
      for await (const chunk of (await call.form()).bytes) return { type: 'json', value: chunk.byteLength }
      return { type: 'json', value: 0 }
    },
  },
]

beforeAll(async () => {
  const errors = {
    body: ({ error }: { readonly error: Error }) => ({ message: error.message }),
    frames: () => [],
  }
  server = await startDoors([createHttpDoor({ name: 't', routes, errors, maxRequestBytes: 1024 ** 2 })])
  url = server.url
})

afterAll(() => server[Symbol.asyncDispose]())

const send = (body: FormData | string, path = '/read', type?: string): Promise<Response> =>
  fetch(url + path, { method: 'POST', body, headers: type === undefined ? {} : { 'content-type': type } })

const formOf = (...entries: readonly (readonly [string, string | Blob, string?])[]): FormData => {
  const form = new FormData()
  for (const [name, value, filename] of entries) {
    if (typeof value === 'string') form.append(name, value)
    else form.append(name, value, filename)
  }
  return form
}

const MULTIPART = 'multipart/form-data; boundary=b'
const SENDER = `
  const [url, type] = process.argv.slice(1)
  async function* body() {
    yield Buffer.from('--b\\r\\ncontent-disposition: form-data; name="file"; filename="x"\\r\\n\\r\\n')
    for (let i = 0; i < 200; i += 1) yield new Uint8Array(1024 * 1024)
    yield Buffer.from('\\r\\n--b--\\r\\n')
  }
  const headers = { 'content-type': type }
  const reply = await fetch(url, { method: 'POST', body: ReadableStream.from(body()), duplex: 'half', headers })
  process.stdout.write(await reply.text())
`

describe('a form', () => {
  test('gives its file and the fields on both sides of it', async () => {
    const form = formOf(
      ['a', '1'],
      ['file', new Blob(['hello'], { type: 'text/x' }), 'x/ü 1.txt'],
      ['b', 'ü'],
    )
    expect(await (await send(form)).json()).toEqual({
      field: 'file',
      filename: 'ü 1.txt',
      mimeType: 'text/x',
      sizeBytes: 5,
      before: ['a'],
      after: [
        ['a', '1'],
        ['b', 'ü'],
      ],
    })
  })

  test('whose file says that it is bytes says nothing of its type', async () => {
    const reply = await send(formOf(['file', new Blob(['x']), 'x']))
    expect(await reply.json()).toMatchObject({ mimeType: '', sizeBytes: 1 })
  })

  test('of 200 MiB needs no memory for it', async () => {
    collect()
    const before = process.memoryUsage().arrayBuffers
    // A process of its own: what the sender holds is none of the door's.
    const args = ['--input-type=module', '--eval', SENDER, `${url}/read`, MULTIPART]
    const { stdout } = await execFile(process.execPath, args)
    expect(JSON.parse(stdout)).toMatchObject({ sizeBytes: 200 * 1024 * 1024 })
    expect(resident - before).toBeLessThan(32 * 1024 * 1024)
  })

  test('whose reader stops is answered all the same', async () => {
    const reply = await send(formOf(['file', new Blob([new Uint8Array(900_000)]), 'x']), '/first')
    expect(reply.status).toBe(200)
    await server.exchanges.idle()
    expect(server.exchanges.active()).toBe(0)
  })

  const bad: readonly (readonly [string, FormData | string, string | undefined, number, RegExp])[] = [
    ['without a file', formOf(['a', '1']), undefined, 400, /no file/],
    [
      'with two files',
      formOf(['a', new Blob(['1']), 'a'], ['b', new Blob(['2']), 'b']),
      undefined,
      400,
      /more than one file/,
    ],
    [
      'that ends too early',
      '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhel',
      MULTIPART,
      400,
      /ends too early/,
    ],
    ['that is none', 'hello', MULTIPART, 400, /ends too early|no file/],
    ['that is empty', '', MULTIPART, 400, /ends too early|no file/],
    ['without a boundary', 'hello', 'multipart/form-data', 415, /boundary/],
    ['that is JSON', '{}', 'application/json', 415, /must be a form/],
    [
      'with too many fields',
      formOf(...Array.from({ length: 40 }, (_, i) => [`f${i}`, '1'] as const)),
      undefined,
      400,
      /more than 32 fields/,
    ],
    [
      'with a field that is too long',
      formOf(['a', 'x'.repeat(70_000)], ['file', new Blob(['1']), 'a']),
      undefined,
      400,
      /more than 65536 bytes/,
    ],
  ]

  test.each(bad)('%s is refused with what is wrong', async (_name, body, type, status, message) => {
    const reply = await send(body, '/read', type)
    expect(reply.status).toBe(status)
    expect(await reply.json()).toEqual({ message: expect.stringMatching(message) })
  })

  test('that is larger than the route takes is refused, also in the middle of its file', async () => {
    const large = formOf(['file', new Blob([new Uint8Array(1024 ** 2 + 1)]), 'x'])
    expect((await send(large, '/first')).status).toBe(413)
  })
})
