// Puts one file and a few fields into a multipart/form-data body (RFC 7578) that is never in memory as a whole.
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'

/** The file of a form. */
export interface FormFile {
  readonly filename: string
  readonly mimeType: string
  /** Exactly `sizeBytes` bytes. */
  readonly bytes: AsyncIterable<Uint8Array>
  readonly sizeBytes: number
}

/** A body with the header fields that go with it. */
export interface FormBody {
  readonly headers: Readonly<Record<'content-type' | 'content-length', string>>
  /** Can be read once. Throws INTERNAL when the file has another size than it said. */
  readonly body: AsyncGenerator<Uint8Array>
}

/** Makes the body: the fields, and then the file under its field's name. */
export function multipartFile(
  fields: Readonly<Record<string, string>>,
  name: string,
  file: FormFile,
): FormBody {
  const boundary = `exai-${randomUUID()}`
  const mimeType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(file.mimeType)
    ? file.mimeType
    : 'application/octet-stream'
  const texts = Object.entries(fields).map(
    ([field, value]) =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(field)}"\r\n\r\n${value}\r\n`,
  )
  const head = Buffer.from(
    `${texts.join('')}--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"; filename="${quoted(file.filename)}"\r\ncontent-type: ${mimeType}\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.byteLength + file.sizeBytes + tail.byteLength),
    },
    body: bodyOf(head, file, tail),
  }
}

async function* bodyOf(head: Uint8Array, file: FormFile, tail: Uint8Array): AsyncGenerator<Uint8Array> {
  yield head
  let sizeBytes = 0
  for await (const chunk of file.bytes) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > file.sizeBytes) throw wrongSize(file, 'more')
    yield chunk
  }
  if (sizeBytes < file.sizeBytes) throw wrongSize(file, 'fewer')
  yield tail
}

function wrongSize({ filename, sizeBytes }: FormFile, how: string): GatewayError {
  return new GatewayError(
    'INTERNAL',
    `the file ${filename} has ${how} bytes than the ${sizeBytes} that were named`,
  )
}

// As browsers do it (WHATWG HTML, multipart/form-data encoding algorithm): a name cannot end the header that it is in.
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
