// Reads a form with one file (RFC 7578) in constant memory: the file streams through, the fields around it are kept.
import { Busboy, type BusboyInstance } from '@fastify/busboy'
import { GatewayError } from '../../core/errors.ts'
import { bodyBytes, checkCoding, type Reading } from './read-json.ts'
import { wrongType } from './refusal.ts'

/** A form whose file is yet to be read. */
export interface Form {
  /** Name of the field that the file is in. */
  readonly field: string
  /** Name of the file as its sender says, without a path. Empty: none. */
  readonly filename: string
  /** Media type of the file as its sender says; empty when it says only that it is bytes. */
  readonly mimeType: string
  /** The bytes of the file. They end when the whole form has been read: throws what the client is to be told. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** The other fields as far as they have come; those behind the file stand there when its bytes have ended. */
  readonly fields: ReadonlyMap<string, string>
}

const FIELDS_MAX = 32
const FIELD_BYTES_MAX = 64 * 1024
const HEADER_PAIRS_MAX = 32

/** Reads up to the file. Throws what the client is to be told, also when there is no file. */
export async function readForm(reading: Reading): Promise<Form> {
  const { req } = reading
  checkCoding(req)
  const type = req.headers['content-type'] ?? ''
  if (!/^multipart\/form-data\s*;.*\bboundary=/i.test(type)) {
    throw wrongType('the request must be a form: send multipart/form-data with a boundary', {
      'accept-post': 'multipart/form-data',
    })
  }
  const { promise, resolve, reject } = Promise.withResolvers<Form>()
  begin(reading, parserOf(type), resolve, reject)
  return promise
}

function begin(
  reading: Reading,
  parser: BusboyInstance,
  resolve: (form: Form) => void,
  reject: (error: unknown) => void,
): void {
  const fields = new Map<string, string>()
  const faults = createFaults()
  const refuse = (message: string): void => faults.add(invalid(message))
  const whole = pump(reading, parser, faults)
  // Whoever reads the file hears of it at its end; without a file this is the answer.
  whole.then(() => reject(invalid('the form has no file: add one')), reject)

  parser.on('field', (name, value, _isNameCut, isCut) => {
    if (isCut) refuse(`the form has a field of more than ${FIELD_BYTES_MAX} bytes`)
    else fields.set(name, value)
  })
  parser.on('filesLimit', () => refuse('the form has more than one file: send them one by one'))
  parser.on('fieldsLimit', () => refuse(`the form has more than ${FIELDS_MAX} fields`))
  parser.on('partsLimit', () => refuse(`the form has more than ${FIELDS_MAX} fields`))
  parser.on('error', () => refuse('the form ends too early or is malformed'))
  parser.on('file', (field, file, filename, _encoding, mimeType) => {
    // Its reader hears of it through the form as a whole.
    file.on('error', () => undefined)
    faults.listen(error => file.destroy(error))
    resolve({
      field,
      filename: filename ?? '',
      mimeType: mimeType === 'application/octet-stream' ? '' : mimeType,
      bytes: bytesOf(file, whole, faults),
      fields,
    })
  })
}

function parserOf(type: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': type },
      limits: {
        files: 1,
        fields: FIELDS_MAX,
        fieldSize: FIELD_BYTES_MAX,
        parts: FIELDS_MAX + 2,
        headerPairs: HEADER_PAIRS_MAX,
      },
    })
  } catch {
    throw invalid('the boundary of the form cannot be read: check content-type')
  }
}

async function* bytesOf(
  file: AsyncIterable<Uint8Array>,
  whole: Promise<void>,
  faults: Faults,
): AsyncGenerator<Uint8Array> {
  try {
    yield* file
    await whole
  } catch (error) {
    // The parser has words of its own for a form that breaks within its file.
    throw faults.first() ?? error
  } finally {
    // Whoever stops reading stops the sending, too.
    faults.add(new GatewayError('CANCELLED', 'nobody reads the file any more'))
  }
}

/** Feeds the parser at its own pace. */
async function pump(reading: Reading, parser: BusboyInstance, faults: Faults): Promise<void> {
  const finished = new Promise<void>(resolve => void parser.once('finish', resolve))
  try {
    for await (const chunk of bodyBytes(reading))
      await faults.orDone(done => void parser.write(chunk, () => done()))
    await faults.orDone(done => {
      finished.then(done, done)
      parser.end()
    })
  } catch (error) {
    faults.add(GatewayError.from(error))
    throw error
  }
}

/** What goes wrong while a form is read: the first fault ends every waiting. */
interface Faults {
  add(error: GatewayError): void
  first(): GatewayError | undefined
  listen(hear: (error: GatewayError) => void): void
  /** Waits for something to be done, or rejects with the fault. */
  orDone(begin: (done: () => void) => void): Promise<void>
}

function createFaults(): Faults {
  let fault: GatewayError | undefined
  let listener: ((error: GatewayError) => void) | undefined
  // One at a time: a race with one long promise would hold a reaction for every piece of the file.
  let waiting: ((error: GatewayError) => void) | undefined
  return {
    add(error) {
      if (fault !== undefined) return
      fault = error
      waiting?.(error)
      listener?.(error)
    },
    first: () => fault,
    listen(hear) {
      listener = hear
      if (fault !== undefined) hear(fault)
    },
    orDone: begin =>
      new Promise((resolve, reject) => {
        if (fault !== undefined) return reject(fault)
        waiting = reject
        begin(resolve)
      }),
  }
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
